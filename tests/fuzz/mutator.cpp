#include "mutator.h"

#include <optional>
#include <utility>

namespace sotto::fuzz {

namespace {

constexpr std::size_t most_depth = 8;

enum WireType : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

struct Field {
  std::uint64_t number = 0;
  WireType type = varint;
  std::uint64_t value = 0;
  Bytes bytes;
};

std::optional<std::uint64_t> take_varint(ByteView& from) {
  std::uint64_t out = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = from.front();
    from = from.subspan(1);
    out |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return out;
  }
  return std::nullopt;
}

void put_varint(Bytes& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 0x80));
  to.push_back(static_cast<std::uint8_t>(value));
}

std::optional<std::vector<Field>> parse(ByteView from) {
  std::vector<Field> out;
  while (!from.empty()) {
    const auto tag = take_varint(from);
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1FFFFFFF) return std::nullopt;
    auto& field = out.emplace_back();
    field.number = *tag >> 3;
    field.type = static_cast<WireType>(*tag & 7);
    std::uint64_t size = 0;
    switch (field.type) {
      case varint: {
        const auto value = take_varint(from);
        if (!value) return std::nullopt;
        field.value = *value;
        continue;
      }
      case length_delimited: {
        const auto length = take_varint(from);
        if (!length) return std::nullopt;
        size = *length;
        break;
      }
      case fixed64:
        size = 8;
        break;
      case fixed32:
        size = 4;
        break;
      default:
        return std::nullopt;
    }
    if (size > from.size()) return std::nullopt;
    field.bytes = to_bytes(from.first(size));
    from = from.subspan(size);
  }
  return out;
}

Bytes serialize(const std::vector<Field>& fields) {
  Bytes out;
  for (const auto& field : fields) {
    put_varint(out, field.number << 3 | field.type);
    if (field.type == varint) {
      put_varint(out, field.value);
      continue;
    }
    if (field.type == length_delimited) put_varint(out, field.bytes.size());
    append(out, field.bytes);
  }
  return out;
}

Bytes mutate_at(ByteView message, FuzzedDataProvider& input, std::size_t depth) {
  auto fields = parse(message);
  if (!fields || fields->empty()) return mutate_bytes(message, input);
  const auto index = input.ConsumeIntegral<std::uint8_t>() % fields->size();
  auto& field = (*fields)[index];
  const auto what = input.ConsumeIntegral<std::uint8_t>();
  // Most changes are to what a field holds.
  if (what < 0xC0) {
    if (field.type == varint) {
      field.value = hostile_number(field.value, input);
    } else if (field.type == length_delimited && what >= 0x20 && depth < most_depth && parse(field.bytes)) {
      field.bytes = mutate_at(field.bytes, input, depth + 1);
    } else if (field.type == length_delimited) {
      field.bytes = mutate_bytes(field.bytes, input);
    } else {
      field.bytes[input.ConsumeIntegral<std::uint8_t>() % field.bytes.size()] ^= input.ConsumeIntegral<std::uint8_t>();
    }
    return serialize(*fields);
  }
  switch (what % 5) {
    case 0:
      fields->erase(fields->begin() + static_cast<std::ptrdiff_t>(index));
      break;
    case 1:
      fields->insert(fields->begin() + static_cast<std::ptrdiff_t>(index), Field(field));
      break;
    case 2:
      std::swap(field, (*fields)[input.ConsumeIntegral<std::uint8_t>() % fields->size()]);
      break;
    case 3:
      field.number = input.ConsumeIntegralInRange<std::uint64_t>(1, 30);
      break;
    default:
      fields->push_back({input.ConsumeIntegralInRange<std::uint64_t>(1, 30), varint, hostile_number(1, input), {}});
  }
  return serialize(*fields);
}

}  // namespace

std::uint64_t hostile_number(std::uint64_t around, FuzzedDataProvider& input) {
  const auto how = input.ConsumeIntegral<std::uint8_t>();
  switch (how % 8) {
    case 0:
      return around + 1;
    case 1:
      return around - 1;
    case 2:
      return 0;
    case 3:
      return UINT64_MAX - how / 8;
    case 4:
      return std::uint64_t{1} << (how / 8 * 2);
    case 5:
      return input.ConsumeIntegral<std::uint64_t>();
    case 6:
      return around + input.ConsumeIntegral<std::uint8_t>();
    default:
      return input.ConsumeIntegral<std::uint8_t>();
  }
}

Bytes mutate_bytes(ByteView bytes, FuzzedDataProvider& input) {
  auto out = to_bytes(bytes);
  const auto place = [&] { return input.ConsumeIntegral<std::uint16_t>() % out.size(); };
  const auto what = input.ConsumeIntegral<std::uint8_t>();
  if (out.empty() || what % 8 == 0) return input.ConsumeBytes<std::uint8_t>(what);
  switch (what % 8) {
    case 1:
      out.resize(place());
      break;
    case 2:
      out.insert(out.end(), what, 0);
      break;
    case 3:
      out.clear();
      break;
    case 4:
      std::fill(out.begin(), out.end(), static_cast<std::uint8_t>(what & 0x80 ? 0xFF : 0));
      break;
    case 5: {
      const auto piece = input.ConsumeBytes<std::uint8_t>(what / 8);
      out.insert(out.begin() + static_cast<std::ptrdiff_t>(place()), piece.begin(), piece.end());
      break;
    }
    case 6:
      out[place()] = input.ConsumeIntegral<std::uint8_t>();
      break;
    default:
      out[place()] ^= static_cast<std::uint8_t>(1U << what / 8 % 8);
  }
  return out;
}

Bytes mutate_message(ByteView message, FuzzedDataProvider& input) { return mutate_at(message, input, 0); }

}  // namespace sotto::fuzz
