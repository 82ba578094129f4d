#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <array>

#include "load/must.h"
#include "peers/peers.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

struct ReaderDeleter {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};
struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyDeleter>;

Bytes command(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;
  const int size = redisFormatCommandArgv(&text, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) give_up("hiredis formats no command");
  Bytes out(text, text + size);
  redisFreeCommand(text);
  return out;
}

class RedisConnection final : public TlsStream {
 public:
  using OnReply = std::function<void(const redisReply&)>;
  RedisConnection(SSL_CTX* context, std::uint16_t port, OnReply on_reply)
      : TlsStream(context, port), reader_(redisReaderCreate()), on_reply_(std::move(on_reply)) {}
  void ask(const std::vector<std::string>& words) { write(command(words)); }

 private:
  std::size_t on_bytes(ByteView bytes) override {
    redisReaderFeed(reader_.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (;;) {
      void* raw = nullptr;
      if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) give_up(reader_->errstr);
      if (raw == nullptr) return bytes.size();
      const Reply reply(static_cast<redisReply*>(raw));
      if (reply->type == REDIS_REPLY_ERROR) give_up(std::string("redis: ") + reply->str);
      on_reply_(*reply);
    }
  }
  std::unique_ptr<redisReader, ReaderDeleter> reader_;
  OnReply on_reply_;
};

class Redis final : public ServerPeer {
 public:
  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    loop_ = &loop;
    observer_ = &observer;
    start({"redis-server",
           "--port",
           "0",
           "--tls-port",
           std::to_string(port()),
           "--tls-cert-file",
           certificate(),
           "--tls-key-file",
           key(),
           "--tls-ca-cert-file",
           certificate(),
           "--tls-auth-clients",
           "no",
           "--bind",
           "127.0.0.1",
           "--dir",
           folder(),
           "--save",
           "",
           "--appendonly",
           "yes",
           "--appendfsync",
           "always",
           "--maxclients",
           "10000"});
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      senders_.push_back(std::make_unique<RedisConnection>(
          ssl(), port(), [this, pair](const redisReply&) { observer_->accepted(pair); }));
      senders_.back()->attach(loop);
    }
    control_ = std::make_unique<RedisConnection>(ssl(), port(), [this](const redisReply& reply) {
      counted_ += static_cast<std::uint64_t>(reply.integer);
      ++counts_;
    });
    control_->attach(loop);
    recipients_.resize(pairs);
    last_ids_.assign(pairs, "0");
    come_online();
    fetch();
  }

  void send(std::size_t pair, std::uint64_t number) override {
    senders_[pair]->ask({"XADD", stream(pair), "*", "m", to_string(payload_of(number))});
  }

  void go_offline() override {
    for (auto& one : recipients_) one.reset();
  }
  void come_online() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) {
      recipients_[pair] = std::make_unique<RedisConnection>(
          ssl(), port(), [this, pair](const redisReply& reply) { received(pair, reply); });
      recipients_[pair]->attach(*loop_);
    }
  }
  void fetch() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) read_more(pair);
  }

  std::uint64_t stored() override {
    counted_ = 0;
    counts_ = 0;
    for (std::size_t pair = 0; pair < senders_.size(); ++pair) control_->ask({"XLEN", stream(pair)});
    run_until(*loop_, [this] { return counts_ == senders_.size(); });
    return counted_;
  }

 private:
  static std::string stream(std::size_t pair) { return "pair" + std::to_string(pair); }
  void read_more(std::size_t pair) {
    recipients_[pair]->ask({"XREAD", "COUNT", "100", "BLOCK", "0", "STREAMS", stream(pair), last_ids_[pair]});
  }

  /// The answer to an XREAD: [[stream, [[id, [field, value]] …]]]. That to an XDEL is a number.
  void received(std::size_t pair, const redisReply& reply) {
    if (reply.type != REDIS_REPLY_ARRAY) return;
    const auto& entries = *reply.element[0]->element[1];
    std::vector<std::string> removal{"XDEL", stream(pair)};
    for (std::size_t i = 0; i < entries.elements; ++i) {
      const auto& id = *entries.element[i]->element[0];
      const auto& value = *entries.element[i]->element[1]->element[1];
      observer_->delivered(pair, number_of({reinterpret_cast<const std::uint8_t*>(value.str), value.len}));
      removal.emplace_back(id.str, id.len);
    }
    last_ids_[pair] = removal.back();
    recipients_[pair]->ask(removal);
    read_more(pair);
  }

  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<std::unique_ptr<RedisConnection>> senders_;
  std::vector<std::unique_ptr<RedisConnection>> recipients_;
  std::unique_ptr<RedisConnection> control_;
  std::vector<std::string> last_ids_;
  std::uint64_t counted_ = 0;
  std::size_t counts_ = 0;
};

}  // namespace

std::unique_ptr<Peer> make_redis() { return std::make_unique<Redis>(); }

}  // namespace sotto::bench
