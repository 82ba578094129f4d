// The generated protobuf classes, under one include.
#pragma once

#include <wire/proto/content.pb.h>
#include <wire/proto/sotto.pb.h>
