// The generated protobuf classes of what a client keeps in columns of its store.
#pragma once

#include <wire/proto/client_store.pb.h>
