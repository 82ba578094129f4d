// The JSON mapping: every message of the schema comes back as it was, and nothing from anybody costs more than its
// bound.
#include "wire/json_frame.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <set>

#include "base/random.h"
#include "support/catch.h"
#include "wire/frame.h"
#include "wire/json_schema.h"
#include "wire/limits.h"

namespace sotto::wire {
namespace {

namespace pb = google::protobuf;

/// The schema with reflection, and messages of it with random values.
class Schema {
 public:
  Schema() {
    pb::FileDescriptorSet files;
    REQUIRE(files.ParseFromArray(json_schema, static_cast<int>(json_schema_size)));
    for (const auto& file : files.file()) REQUIRE(pool_.BuildFile(file) != nullptr);
  }
  [[nodiscard]] std::unique_ptr<pb::Message> message(const std::string& name) {
    const auto* type = pool_.FindMessageTypeByName("sotto.wire." + name);
    REQUIRE(type != nullptr);
    return std::unique_ptr<pb::Message>(factory_.GetPrototype(type)->New());
  }

  /// Sets each field of it and of what it holds; of a oneof, the one that `choice` of its path names, else the last.
  void fill(Random& random, pb::Message& message, const pb::FieldDescriptor* chosen = nullptr) {
    const auto* type = message.GetDescriptor();
    const auto* reflection = message.GetReflection();
    for (int i = 0; i < type->field_count(); ++i) {
      const auto* field = type->field(i);
      const auto* oneof = field->containing_oneof();
      if (oneof != nullptr && chosen != nullptr && chosen->containing_oneof() == oneof && field != chosen) continue;
      for (int n = field->is_repeated() ? 3 : 1; n > 0; --n) put(random, message, *reflection, field);
    }
  }

 private:
  void put(Random& random, pb::Message& to, const pb::Reflection& set, const pb::FieldDescriptor* field) {
    const bool many = field->is_repeated();
    switch (field->cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_UINT32: {
        const auto value = static_cast<std::uint32_t>(random.below(UINT32_MAX) + 1);
        many ? set.AddUInt32(&to, field, value) : set.SetUInt32(&to, field, value);
        break;
      }
      case pb::FieldDescriptor::CPPTYPE_UINT64: {
        const auto value = random.below(UINT64_MAX) + 1;
        many ? set.AddUInt64(&to, field, value) : set.SetUInt64(&to, field, value);
        break;
      }
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        set.SetBool(&to, field, true);
        break;
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const auto* values = field->enum_type();
        set.SetEnumValue(&to, field, values->value(values->value_count() - 1)->number());
        break;
      }
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        std::string value = "\"\\ { [ ' caf\xc3\xa9 \xf0\x9f\x98\x80 \n";
        if (field->type() == pb::FieldDescriptor::TYPE_BYTES) {
          Bytes bytes(1 + static_cast<std::size_t>(random.below(40)));
          random.fill(bytes);
          value = to_string(bytes);
        }
        many ? set.AddString(&to, field, value) : set.SetString(&to, field, value);
        break;
      }
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        fill(random, many ? *set.AddMessage(&to, field) : *set.MutableMessage(&to, field));
        break;
      default:
        FAIL("a type that the schema did not have: " << field->full_name());
    }
  }
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
};

std::string text_of(const JsonFrames& json, ByteView frame) {
  const auto texts = json.encode(frame);
  REQUIRE(texts.ok());
  REQUIRE(texts->size() == 1);
  return to_string(texts->front());
}

std::string deep(std::size_t depth, const std::string& open, const std::string& close) {
  std::string text = "{\"unknown\":";
  for (std::size_t i = 1; i < depth; ++i) text += open;
  text += "1";
  for (std::size_t i = 1; i < depth; ++i) text += close;
  return text + "}";
}

}  // namespace

TEST_CASE("every kind of message is the same after binary, JSON, and binary again", "[wire][json]") {
  const JsonFrames json;
  Schema schema;
  SeededRandom random(1);
  std::set<std::string> kinds;
  for (const auto& [body, choice] : {std::pair("request", "command"), {"response", "result"}, {"push", "event"}}) {
    const auto probe = schema.message("Envelope");
    const auto* field = probe->GetDescriptor()->FindFieldByName(body);
    const auto* oneof = field->message_type()->FindOneofByName(choice);
    REQUIRE(oneof != nullptr);
    for (int i = 0; i < oneof->field_count(); ++i) {
      // Each field that holds a oneof of its own (an entry's payload) is filled with each of its forms, too.
      auto frame = schema.message("Frame");
      const auto* envelopes = frame->GetDescriptor()->FindFieldByName("envelopes");
      auto* envelope = frame->GetReflection()->AddMessage(frame.get(), envelopes);
      envelope->GetReflection()->SetUInt64(envelope, envelope->GetDescriptor()->FindFieldByName("id"), UINT64_MAX);
      auto* inner = envelope->GetReflection()->MutableMessage(envelope, field);
      schema.fill(random, *inner, oneof->field(i));
      const auto binary = frame->SerializeAsString();
      const auto text = text_of(json, as_bytes(binary));
      CAPTURE(text);
      CHECK(text.find('"' + oneof->field(i)->json_name() + '"') != std::string::npos);
      CHECK(text.find("\"id\":\"18446744073709551615\"") != std::string::npos);
      const auto back = json.decode(text);
      REQUIRE(back.ok());
      // The order of fields is the schema's in both; so are the bytes.
      CHECK(to_string(*back) == binary);
      kinds.insert(oneof->field(i)->full_name());
    }
  }
  // As many as the generated classes know: the descriptors are those of this build.
  CHECK(kinds.contains("sotto.wire.Request.fetch_attachment"));
  CHECK(kinds.contains("sotto.wire.Response.attachment_part"));
  CHECK(kinds.contains("sotto.wire.Push.going_away"));
  CHECK(kinds.size() >= 16 + 11 + 8);
}

TEST_CASE("JSON is read as the mapping says", "[wire][json]") {
  const JsonFrames json;
  const auto request = [&](const std::string& command) {
    const auto bytes = json.decode(R"({"envelopes":[{"id":7,"request":{)" + command + "}}]}");
    REQUIRE(bytes.ok());
    const auto envelopes = decode_frame(*bytes);
    REQUIRE(envelopes.ok());
    REQUIRE(envelopes->size() == 1);
    CHECK(envelopes->front().id() == 7);
    return envelopes->front().request();
  };
  CHECK(request(R"("findUser":{"handle":"ann"})").find_user().handle() == "ann");
  CHECK(request(R"("find_user":{"handle":"\u00e9"})").find_user().handle() == "\xc3\xa9");
  CHECK(request(R"("authenticate":{"kind":"PEEK"})").authenticate().kind() == PEEK);
  CHECK(request(R"("authenticate":{"kind":1})").authenticate().kind() == MEDIA);
  CHECK(request(R"("authenticate":{"ackNo":"12","session":3})").authenticate().ack_no() == 12);
  // Base64 of both alphabets, with padding and without.
  CHECK(request(R"("getChat":{"chatId":"+/8="})").get_chat().chat_id() == "\xfb\xff");
  CHECK(request(R"("getChat":{"chatId":"-_8"})").get_chat().chat_id() == "\xfb\xff");
  CHECK(request(R"("later":{"a":[1,{"b":null}]},"getChat":{"x":true})").has_get_chat());
  CHECK(request(R"("later":{})").command_case() == Request::COMMAND_NOT_SET);
}

TEST_CASE("what is no Frame in JSON is refused", "[wire][json]") {
  const JsonFrames json;
  for (const std::string text : {"",
                                 " ",
                                 "null",
                                 "[]",
                                 "1",
                                 "\"\"",
                                 "{",
                                 "}",
                                 "{}}",
                                 "{}{}",
                                 "[{}]",
                                 R"({"envelopes":[}]})",
                                 R"({"envelopes":1})",
                                 R"({"envelopes":[{"id":-1}]})",
                                 R"({"envelopes":[{"id":1.5}]})",
                                 R"({"envelopes":[{"id":"x"}]})",
                                 R"({"envelopes":[{"request":{"getChat":{"chatId":"*"}}}]})",
                                 R"({"envelopes":[{"request":{"getChat":{},"findUser":{}}}]})",
                                 R"({"envelopes":[{"request":[1]}]})",
                                 R"({'envelopes':[]})",
                                 "{\"a\":\"\xff\"}",
                                 R"({"envelopes":[{"request":{"findUser":{"handle":"\ud800"}}}]})"}) {
    CAPTURE(text);
    CHECK(json.decode(text).code() == ErrorCode::MALFORMED);
  }
  CHECK(json.decode("{}").ok());
}

TEST_CASE("the size, depth and number of values of a JSON frame are bounded", "[wire][json]") {
  const JsonFrames json;
  const std::string empty = "{}";
  CHECK(json.decode(empty + std::string(limits::json_frame_bytes - 2, ' ')).ok());
  CHECK(json.decode(empty + std::string(limits::json_frame_bytes - 1, ' ')).code() == ErrorCode::TOO_LARGE);

  for (const auto& [open, close] : {std::pair("[", "]"), {"{\"x\":", "}"}, {"[{\"x\":[", "]}]"}}) {
    CAPTURE(open);
    const std::size_t each = std::string(open).size() == 7 ? 3 : 1;
    CHECK(json.decode(deep(1 + (limits::json_depth - 1) / each, open, close)).ok());
    CHECK(json.decode(deep(2 + limits::json_depth / each, open, close)).code() == ErrorCode::MALFORMED);
    CHECK(json.decode(deep(limits::json_frame_bytes / 12, open, close)).code() == ErrorCode::MALFORMED);
  }
  // Brackets in a string are no structure.
  CHECK(json.decode("{\"x\":\"" + std::string(1000, '[') + "\\\"[\"}").ok());

  // Whatever a value is: an object, a list, a number, a name.
  for (const std::string each : {"{}", "[]", "1", "\"x\""}) {
    const auto list = [&](std::size_t values) {
      std::string text = "{\"unknown\":[" + each;
      const std::size_t cost = each == "{}" || each == "[]" ? 2 : 1;  // its bracket and its comma
      for (std::size_t n = 1 + cost; n + cost <= values; n += cost) text += ',' + each;
      return text + "]}";
    };
    CAPTURE(each);
    CHECK(json.decode(list(limits::json_values)).ok());
    CHECK(json.decode(list(limits::json_values + 3)).code() == ErrorCode::MALFORMED);
  }
  std::string cursors = R"({"envelopes":[{"request":{"ack":{"ackNo":"1","cursors":[{})";
  for (int n = 1; n < 4000; ++n) cursors += R"(,{"chatId":"AAAAAAAAAAAAAAAAAAAAAA==","seq":"18446744073709551615"})";
  CHECK(json.decode(cursors + "]}}}]}").ok());

  // The decoded bytes have the limit of binary frames.
  const auto upload = [&](std::size_t size) {
    Envelope envelope;
    envelope.mutable_request()->mutable_upload_attachment()->set_data(std::string(size, 'x'));
    const auto back = json.decode(text_of(json, encode(envelope)));
    REQUIRE(back.ok());
    return decode_frame(*back).code();
  };
  CHECK_FALSE(upload(limits::frame_bytes - 100));
  CHECK(upload(limits::frame_bytes) == ErrorCode::TOO_LARGE);
}

TEST_CASE("a large frame becomes several texts, in order, none above the limit", "[wire][json]") {
  const JsonFrames json;
  SeededRandom random(3);
  Bytes frame;
  // What grows most: small answers.
  for (std::uint64_t id = 1; frame.size() < limits::frame_bytes - 300; ++id) {
    Envelope envelope;
    envelope.set_id(id);
    if (random.below(50) == 0) {
      envelope.mutable_push()->mutable_entries()->set_chat_id(std::string(200, 'x'));
    } else {
      envelope.mutable_response()->set_status(214);
      envelope.mutable_response()->set_retry_after_ms(1);
    }
    append(frame, encode(envelope));
  }
  Envelope heads;
  for (std::size_t i = 0; i < limits::heads_per_push; ++i) {
    auto& head = *heads.mutable_push()->mutable_heads()->add_heads();
    head.set_chat_id(std::string(16, 'c'));
    head.set_head(UINT64_MAX);
    head.set_acked_seq(UINT64_MAX);
  }
  append(frame, encode(heads));
  const auto texts = json.encode(frame);
  REQUIRE(texts.ok());
  CHECK(texts->size() > 3);
  // They are read by whoever asked: a relay would find that they have too many values.
  Schema schema;
  std::string joined;
  for (const auto& text : *texts) {
    CHECK(text.size() <= limits::json_frame_bytes);
    const auto part = schema.message("Frame");
    REQUIRE(pb::util::JsonStringToMessage(to_string(text), part.get()).ok());
    joined += part->SerializeAsString();
  }
  CHECK(joined == to_string(frame));
  CHECK(json.encode({}).value().empty());
}

TEST_CASE("what is no Frame has no text", "[wire][json]") {
  const JsonFrames json;
  for (const Bytes& bytes : {Bytes{1}, Bytes{0x0A}, Bytes{0x0A, 5, 1}, Bytes{0x12, 0}, Bytes{0x0A, 0, 0x0A, 0x80},
                             Bytes{0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}}) {
    CHECK(json.encode(bytes).code() == ErrorCode::INTERNAL);
  }
}

}  // namespace sotto::wire
