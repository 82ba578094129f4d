// Two people who send each other files, over the real relay core, on virtual time.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.h"
#include "support/must.h"
#include "support/testnet.h"

namespace sotto::test {

inline Bytes pattern(std::size_t size, std::uint64_t seed = 1) {
  SeededRandom random(seed);
  Bytes out(size);
  random.fill(out);
  return out;
}

inline OutgoingAttachment in_memory(Bytes bytes, AttachmentKind kind = AttachmentKind::image) {
  OutgoingAttachment out;
  out.info.kind = kind;
  out.info.name = "picture.jpg";
  out.info.mime_type = "image/jpeg";
  out.info.width = 640;
  out.info.height = 480;
  out.info.thumbnail = Bytes(100, 7);
  out.bytes = std::move(bytes);
  return out;
}

/// A file of the app's.
class Source {
 public:
  explicit Source(const Bytes& bytes) : path_(dir_.file("source.bin")) { write(bytes); }
  void write(const Bytes& bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void remove() const { std::filesystem::remove(path_); }
  [[nodiscard]] OutgoingAttachment attachment(AttachmentKind kind = AttachmentKind::document) const {
    OutgoingAttachment out;
    out.info.kind = kind;
    out.info.name = "film.mp4";
    out.path = path_;
    return out;
  }

 private:
  TempDir dir_;
  std::string path_;
};

struct Pair {
  explicit Pair(std::uint64_t seed, const relay::CoreConfig& config = {})
      : net(seed, config), alice(net.add("alice")), bob(net.add("bob")), chat(alice.direct_chat(bob)) {
    REQUIRE(net.settle());
  }
  [[nodiscard]] AttachmentState state(TestDevice& of, const ClientMessageId& id, std::size_t index = 0) {
    return of.message(chat, id).attachments.at(index).state;
  }
  [[nodiscard]] bool has(TestDevice& of, const ClientMessageId& id) {
    return must(client::MessageTable(*of.db).find(chat, id)).has_value();
  }
  TestNet net;
  TestDevice& alice;
  TestDevice& bob;
  ChatId chat;
};

inline std::size_t files_of(const TestDevice& device) {
  const std::filesystem::directory_iterator files(device.folder());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace sotto::test
