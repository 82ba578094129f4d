#include "chat/picture_file.h"

#include <fcntl.h>
#include <png.h>
#include <unistd.h>

#include <csetjmp>
#include <cstdio>
#include <memory>

// Needs cstdio before it.
#include <jpeglib.h>

namespace chat {
namespace {

/// Bounds the memory that a picture takes while it is made smaller: 120 MiB.
constexpr std::size_t most_pixels = 40'000'000;
/// A JPEG is decoded no larger than it must be.
constexpr unsigned jpeg_width = 512;

using File = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })>;

File open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return nullptr;
  File out(::fdopen(fd, "rb"));
  if (!out) ::close(fd);
  return out;
}

std::optional<Picture> read_png(std::FILE* file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&image, png_image_free);
  if (png_image_begin_read_from_stdio(&image, file) == 0) return std::nullopt;
  if (std::size_t{image.width} * image.height > most_pixels) return std::nullopt;
  image.format = PNG_FORMAT_RGB;
  Picture out{image.width, image.height, {}};
  out.rgb.resize(PNG_IMAGE_SIZE(image));
  const png_color background{255, 255, 255};
  if (png_image_finish_read(&image, &background, out.rgb.data(), 0, nullptr) == 0) return std::nullopt;
  return out;
}

struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

/// No object that lives in here has a destructor: an error leaves by longjmp.
bool decode_jpeg(jpeg_decompress_struct& jpeg, JpegErrors& errors, std::FILE* file, Picture& out) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_stdio_src(&jpeg, file);
  jpeg_read_header(&jpeg, TRUE);
  if (std::size_t{jpeg.image_width} * jpeg.image_height > most_pixels) return false;
  jpeg.out_color_space = JCS_RGB;
  jpeg.scale_denom = 8;
  jpeg.scale_num = 1;
  while (jpeg.scale_num < 8 && jpeg.image_width * jpeg.scale_num / 8 < jpeg_width) ++jpeg.scale_num;
  jpeg_start_decompress(&jpeg);
  out.width = jpeg.output_width;
  out.height = jpeg.output_height;
  out.rgb.resize(out.width * out.height * 3);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = &out.rgb[jpeg.output_scanline * out.width * 3];
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  return jpeg_finish_decompress(&jpeg) == TRUE;
}

std::optional<Picture> read_jpeg(std::FILE* file) {
  jpeg_decompress_struct jpeg{};
  JpegErrors errors{};
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = [](j_common_ptr info) {
    // The manager is the first member.
    std::longjmp(reinterpret_cast<JpegErrors*>(info->err)->back, 1);
  };
  errors.manager.output_message = [](j_common_ptr) {};  // It would go over the screen.
  jpeg_create_decompress(&jpeg);
  Picture out;
  const bool read = decode_jpeg(jpeg, errors, file, out);
  jpeg_destroy_decompress(&jpeg);
  if (!read) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Picture> read_picture(const std::string& path) {
  const auto file = open_file(path);
  if (!file) return std::nullopt;
  if (auto png = read_png(file.get())) return png;
  std::rewind(file.get());
  return read_jpeg(file.get());
}

}  // namespace chat
