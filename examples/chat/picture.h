// Small pictures: made smaller, packed into the thumbnail of an attachment, and shown as coloured half blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chat {

struct Picture {
  std::size_t width = 0;
  std::size_t height = 0;
  /// Three bytes a pixel, rows from the top.
  std::vector<std::uint8_t> rgb;
};

/// At most so large, in the same proportions. What is small enough stays as it is.
Picture shrunk(const Picture& picture, std::size_t most_width, std::size_t most_height);

/// A thumbnail as this program sends it: a BMP of 24 bits a pixel, which most programs can show, and which takes no
/// library to read. Within the 8 KiB of a thumbnail.
std::vector<std::uint8_t> to_thumbnail(const Picture& picture);
/// A thumbnail that `to_thumbnail` could have made; nothing for any other bytes. They come from other people.
std::optional<Picture> from_thumbnail(const std::vector<std::uint8_t>& bytes);

/// A line of a terminal for two rows of pixels, in true colour.
std::vector<std::string> half_blocks(const Picture& picture);

}  // namespace chat
