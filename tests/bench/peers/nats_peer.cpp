// NATS' protocol as far as JetStream needs it: there is no nats.c in Debian 12.
#include <charconv>
#include <nlohmann/json.hpp>

#include "load/must.h"
#include "peers/peers.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

class NatsConnection final : public TlsStream {
 public:
  using OnMessage = std::function<void(std::string_view subject, std::string_view reply, ByteView payload)>;
  NatsConnection(SSL_CTX* context, std::uint16_t port, OnMessage on_message)
      : TlsStream(context, port), on_message_(std::move(on_message)) {
    write(as_bytes(R"(CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true})"
                   "\r\nPING\r\n"));
  }
  void subscribe(const std::string& subject) { write(as_bytes("SUB " + subject + " 1\r\n")); }
  void publish(const std::string& subject, const std::string& reply, ByteView payload) {
    write(as_bytes("PUB " + subject + (reply.empty() ? "" : " " + reply) + " " + std::to_string(payload.size()) +
                   "\r\n"));
    write(payload);
    write(as_bytes("\r\n"));
  }

 private:
  std::size_t on_bytes(ByteView bytes) override {
    const auto text = as_text(bytes);
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return 0;
    const auto line = text.substr(0, end);
    if (line.starts_with("PING")) write(as_bytes("PONG\r\n"));
    if (line.starts_with("-ERR") || line.starts_with("HMSG")) give_up("nats: " + std::string(line));
    if (!line.starts_with("MSG ")) return end + 2;
    // MSG <subject> <sid> [reply] <size>
    std::array<std::string_view, 5> words;
    std::size_t count = 0;
    for (std::size_t at = 0; at < line.size() && count < words.size();) {
      const auto space = std::min(line.find(' ', at), line.size());
      words[count++] = line.substr(at, space - at);
      at = space + 1;
    }
    std::size_t size = 0;
    std::from_chars(words[count - 1].data(), words[count - 1].data() + words[count - 1].size(), size);
    const auto all = end + 2 + size + 2;
    if (bytes.size() < all) return 0;
    on_message_(words[1], count == 5 ? words[3] : std::string_view(), bytes.subspan(end + 2, size));
    return all;
  }
  OnMessage on_message_;
};

class Nats final : public ServerPeer {
 public:
  Nats(std::string program, NatsSync sync) : program_(std::move(program)), sync_(sync) {}

  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    loop_ = &loop;
    observer_ = &observer;
    const auto config = write_file(
        "conf", "listen: \"127.0.0.1:" + std::to_string(port()) + "\"\ntls { cert_file: \"" + certificate() +
                    "\", key_file: \"" + key() + "\", handshake_first: true, timeout: 30 }\njetstream { store_dir: \"" +
                    folder() + "/js\"" + (sync_ == NatsSync::always ? ", sync_interval: always" : "") + " }\n");
    start({program_, "-c", config});
    control_ = std::make_unique<NatsConnection>(
        ssl(), port(), [this](std::string_view, std::string_view, ByteView payload) { answer_ = as_text(payload); });
    control_->attach(loop);
    control_->subscribe("answer");
    for (std::size_t pair = 0; pair < pairs; ++pair) make_stream(pair);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      senders_.push_back(std::make_unique<NatsConnection>(
          ssl(), port(), [this, pair](std::string_view, std::string_view, ByteView payload) {
            if (as_text(payload).find("\"error\"") != std::string_view::npos) give_up(std::string(as_text(payload)));
            observer_->accepted(pair);
          }));
      senders_.back()->attach(loop);
      senders_.back()->subscribe("accepted." + std::to_string(pair));
    }
    recipients_.resize(pairs);
    come_online();
    fetch();
  }

  void send(std::size_t pair, std::uint64_t number) override {
    senders_[pair]->publish(subject(pair), "accepted." + std::to_string(pair), payload_of(number));
  }
  void go_offline() override {
    for (auto& one : recipients_) one.reset();
  }
  void come_online() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) {
      recipients_[pair] = std::make_unique<NatsConnection>(
          ssl(), port(), [this, pair](std::string_view, std::string_view reply, ByteView payload) {
            observer_->delivered(pair, number_of(payload));
            recipients_[pair]->publish(std::string(reply), {}, as_bytes("+ACK"));
          });
      recipients_[pair]->attach(*loop_);
    }
  }
  void fetch() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) recipients_[pair]->subscribe(inbox(pair));
  }
  std::uint64_t stored() override {
    std::uint64_t out = 0;
    for (std::size_t pair = 0; pair < senders_.size(); ++pair) {
      out += ask("$JS.API.STREAM.INFO.S" + std::to_string(pair), {})["state"]["messages"].get<std::uint64_t>();
    }
    return out;
  }

 private:
  static std::string subject(std::size_t pair) { return "pair." + std::to_string(pair); }
  static std::string inbox(std::size_t pair) { return "inbox." + std::to_string(pair); }

  nlohmann::json ask(const std::string& api, const nlohmann::json& request) {
    answer_.clear();
    const auto body = request.is_null() ? std::string() : request.dump();
    control_->publish(api, "answer", as_bytes(body));
    run_until(*loop_, [this] { return !answer_.empty(); });
    auto answer = nlohmann::json::parse(answer_);
    if (answer.contains("error")) give_up("nats: " + answer_);
    return answer;
  }

  void make_stream(std::size_t pair) {
    const auto name = "S" + std::to_string(pair);
    ask("$JS.API.STREAM.CREATE." + name, {{"name", name},
                                          {"subjects", {subject(pair)}},
                                          {"retention", "workqueue"},
                                          {"storage", "file"},
                                          {"num_replicas", 1}});
    ask("$JS.API.CONSUMER.DURABLE.CREATE." + name + ".D", {{"stream_name", name},
                                                           {"config",
                                                            {{"durable_name", "D"},
                                                             {"deliver_subject", inbox(pair)},
                                                             {"ack_policy", "explicit"},
                                                             {"deliver_policy", "all"},
                                                             {"max_ack_pending", 1000}}}});
  }

  std::string program_;
  NatsSync sync_;
  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::unique_ptr<NatsConnection> control_;
  std::vector<std::unique_ptr<NatsConnection>> senders_;
  std::vector<std::unique_ptr<NatsConnection>> recipients_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<Peer> make_nats(const std::string& program, NatsSync sync) {
  return std::make_unique<Nats>(program, sync);
}

}  // namespace sotto::bench
