#include "wire/json_frame.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include "base/try.h"
#include "wire/json_schema.h"
#include "wire/limits.h"

namespace sotto::wire {

namespace {

namespace util = google::protobuf::util;

constexpr char type_prefix[] = "sotto";
constexpr char frame_type[] = "sotto/sotto.wire.Frame";

/// Envelopes are put into one text up to this size, as frames are joined on a binary connection. An envelope may have
/// more. Even one of nothing but small numbers stays below `json_frame_bytes` then.
constexpr std::size_t joined_bytes = 64 * 1024;

Error malformed(const char* why) { return Error(ErrorCode::MALFORMED, why); }

/// Bounds what the parser is going to do, before it does it. Single quotes, which protobuf's parser takes for double
/// ones, are refused, since with them a string would look like structure here, or structure like a string.
Status check_shape(std::string_view text) {
  std::size_t depth = 0;
  std::size_t values = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    switch (c) {
      case '"':
        quoted = true;
        break;
      case '\'':
        return malformed("a single quote outside a string");
      case '{':
      case '[':
        if (++depth > limits::json_depth) return malformed("JSON that is nested too deep");
        ++values;
        break;
      case ',':
        ++values;
        break;
      case '}':
      case ']':
        if (depth == 0) return malformed("JSON that closes what is not open");
        --depth;
        break;
      default:
        break;
    }
    // Each value but the first follows a bracket or a comma.
    if (values > limits::json_values) return malformed("JSON with too many values");
  }
  return {};
}

/// The size of the first envelope of a Frame, its tag and length included; 0 if there is none there.
std::size_t first_envelope(ByteView frame) {
  constexpr std::uint8_t tag = 1 << 3 | 2;  // field 1, length-delimited
  if (frame.empty() || frame[0] != tag) return 0;
  std::uint64_t size = 0;
  for (std::size_t at = 1, shift = 0; at < frame.size() && shift < 35; ++at, shift += 7) {
    size |= std::uint64_t{frame[at] & 0x7FU} << shift;
    if ((frame[at] & 0x80U) != 0) continue;
    return size <= frame.size() - at - 1 ? at + 1 + static_cast<std::size_t>(size) : 0;
  }
  return 0;
}

}  // namespace

class JsonFrames::Schema {
 public:
  Schema() {
    google::protobuf::FileDescriptorSet files;
    if (files.ParseFromArray(json_schema, static_cast<int>(json_schema_size))) {
      for (const auto& file : files.file()) pool_.BuildFile(file);
    }
    types_.reset(util::NewTypeResolverForDescriptorPool(type_prefix, &pool_));
  }
  [[nodiscard]] util::TypeResolver* types() const { return types_.get(); }

 private:
  google::protobuf::DescriptorPool pool_;
  std::unique_ptr<util::TypeResolver> types_;
};

JsonFrames::JsonFrames() : schema_(std::make_unique<Schema>()) {}
JsonFrames::~JsonFrames() = default;

Result<Bytes> JsonFrames::decode(std::string_view text) const {
  if (text.size() > limits::json_frame_bytes) return ErrorCode::TOO_LARGE;
  SOTTO_TRY(check_shape(text));
  util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  std::string out;
  if (!util::JsonToBinaryString(schema_->types(), frame_type, std::string(text), &out, options).ok()) {
    return malformed("not a Frame in JSON");
  }
  return to_bytes(out);
}

Result<std::vector<Bytes>> JsonFrames::encode(ByteView frame) const {
  std::vector<Bytes> out;
  while (!frame.empty()) {
    std::size_t size = 0;
    for (auto rest = frame; !rest.empty();) {
      const auto next = first_envelope(rest);
      if (next == 0) return Error(ErrorCode::INTERNAL, "not a Frame");
      if (size != 0 && size + next > joined_bytes) break;
      size += next;
      rest = rest.subspan(next);
    }
    std::string text;
    const auto status = util::BinaryToJsonString(schema_->types(), frame_type, to_string(frame.first(size)), &text, {});
    if (!status.ok()) return Error(ErrorCode::INTERNAL, "not a Frame");
    out.push_back(to_bytes(text));
    frame = frame.subspan(size);
  }
  return out;
}

}  // namespace sotto::wire
