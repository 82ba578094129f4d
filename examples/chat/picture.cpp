#include "chat/picture.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace chat {
namespace {

constexpr std::size_t header_bytes = 54;
/// 54 + 44 rows of 180 bytes are 7,974.
constexpr std::size_t thumbnail_width = 60;
constexpr std::size_t thumbnail_height = 44;

/// Bytes of a row, which is filled up to four.
std::size_t stride(std::size_t width) { return (width * 3 + 3) / 4 * 4; }

void put(std::vector<std::uint8_t>& to, std::size_t offset, std::size_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::size_t get(const std::vector<std::uint8_t>& from, std::size_t offset) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::size_t{from[offset + i]} << (8 * i);
  return value;
}

/// What a file of this size begins with: sizes, no compression, no palette.
std::vector<std::uint8_t> bmp_header(std::size_t width, std::size_t height) {
  std::vector<std::uint8_t> out(header_bytes);
  out[0] = 'B';
  out[1] = 'M';
  put(out, 2, header_bytes + stride(width) * height, 4);
  put(out, 10, header_bytes, 4);
  put(out, 14, 40, 4);  // of the second part of the header
  put(out, 18, width, 4);
  put(out, 22, height, 4);
  put(out, 26, 1, 2);   // planes
  put(out, 28, 24, 2);  // bits
  put(out, 34, stride(width) * height, 4);
  return out;
}

std::string colour(std::string_view layer, const std::uint8_t* rgb) {
  return std::string(layer) + ";2;" + std::to_string(rgb[0]) + ";" + std::to_string(rgb[1]) + ";" +
         std::to_string(rgb[2]);
}

}  // namespace

Picture shrunk(const Picture& picture, std::size_t most_width, std::size_t most_height) {
  if (picture.width <= most_width && picture.height <= most_height) return picture;
  Picture out;
  out.width = std::min(most_width, picture.width);
  out.height = picture.height * out.width / picture.width;
  if (out.height > most_height) {
    out.height = most_height;
    out.width = picture.width * out.height / picture.height;
  }
  out.width = std::max<std::size_t>(out.width, 1);
  out.height = std::max<std::size_t>(out.height, 1);
  out.rgb.resize(out.width * out.height * 3);
  for (std::size_t y = 0; y < out.height; ++y) {
    const auto top = y * picture.height / out.height;
    const auto bottom = std::max((y + 1) * picture.height / out.height, top + 1);
    for (std::size_t x = 0; x < out.width; ++x) {
      // The mean of what falls into this pixel.
      const auto left = x * picture.width / out.width;
      const auto right = std::max((x + 1) * picture.width / out.width, left + 1);
      std::array<std::size_t, 3> sum{};
      for (auto row = top; row < bottom; ++row) {
        for (auto i = (row * picture.width + left) * 3; i < (row * picture.width + right) * 3; i += 3) {
          for (std::size_t c = 0; c < 3; ++c) sum[c] += picture.rgb[i + c];
        }
      }
      const auto count = (bottom - top) * (right - left);
      for (std::size_t c = 0; c < 3; ++c) {
        out.rgb[(y * out.width + x) * 3 + c] = static_cast<std::uint8_t>(sum[c] / count);
      }
    }
  }
  return out;
}

std::vector<std::uint8_t> to_thumbnail(const Picture& picture) {
  const auto small = shrunk(picture, thumbnail_width, thumbnail_height);
  auto out = bmp_header(small.width, small.height);
  out.resize(header_bytes + stride(small.width) * small.height);
  for (std::size_t y = 0; y < small.height; ++y) {  // Rows go upwards there, and colours are blue, green, red.
    for (std::size_t x = 0; x < small.width; ++x) {
      const auto* pixel = &small.rgb[((small.height - 1 - y) * small.width + x) * 3];
      std::reverse_copy(pixel, pixel + 3, &out[header_bytes + y * stride(small.width) + x * 3]);
    }
  }
  return out;
}

std::optional<Picture> from_thumbnail(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < header_bytes) return std::nullopt;
  Picture out;
  out.width = get(bytes, 18);
  out.height = get(bytes, 22);
  if (out.width < 1 || out.width > thumbnail_width || out.height < 1 || out.height > thumbnail_height ||
      bytes.size() != header_bytes + stride(out.width) * out.height ||
      !std::ranges::equal(bmp_header(out.width, out.height), std::span(bytes).first(header_bytes))) {
    return std::nullopt;
  }
  for (std::size_t y = out.height; y-- > 0;) {
    for (std::size_t x = 0; x < out.width; ++x) {
      const auto* pixel = &bytes[header_bytes + y * stride(out.width) + x * 3];
      out.rgb.insert(out.rgb.end(), {pixel[2], pixel[1], pixel[0]});
    }
  }
  return out;
}

std::vector<std::string> half_blocks(const Picture& picture) {
  std::vector<std::string> out;
  for (std::size_t y = 0; y < picture.height; y += 2) {
    std::string line;
    std::string look;
    for (std::size_t x = 0; x < picture.width; ++x) {
      const auto* upper = &picture.rgb[(y * picture.width + x) * 3];
      std::string wanted = "\x1b[" + colour("38", upper);
      if (y + 1 < picture.height) wanted += ";" + colour("48", upper + picture.width * 3);
      wanted += "m";
      if (wanted != look) line += wanted;
      look = std::move(wanted);
      line += "▀";
    }
    out.push_back(line + "\x1b[0m");
  }
  return out;
}

}  // namespace chat
