// Reads the pictures that the person sends, to make thumbnails of them. What comes from others is never given to the
// libraries that do it: of that, only thumbnails are shown, and picture.cpp reads them.
#pragma once

#include "chat/picture.h"

namespace chat {

/// A PNG or JPEG file, the latter perhaps smaller than it is; nothing if it is neither, damaged, or very large.
std::optional<Picture> read_picture(const std::string& path);

}  // namespace chat
