// MQTT 3.1.1 as far as QoS 1 needs it: libmosquitto would bring threads and a loop of its own, and so other costs.
#include "load/must.h"
#include "peers/peers.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

constexpr std::uint8_t connect_type = 0x10;
constexpr std::uint8_t connack_type = 0x20;
constexpr std::uint8_t publish_qos1_type = 0x32;
constexpr std::uint8_t puback_type = 0x40;
constexpr std::uint8_t subscribe_type = 0x82;
constexpr std::uint8_t suback_type = 0x90;

void append_u16(Bytes& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8U));
  to.push_back(static_cast<std::uint8_t>(value));
}

void append_text(Bytes& to, std::string_view text) {
  append_u16(to, text.size());
  append(to, as_bytes(text));
}

Bytes packet(std::uint8_t type, ByteView body) {
  Bytes out{type};
  for (auto left = body.size(); true;) {
    const auto part = static_cast<std::uint8_t>(left & 0x7fU);
    left >>= 7U;
    out.push_back(left == 0 ? part : static_cast<std::uint8_t>(part | 0x80U));
    if (left == 0) break;
  }
  append(out, body);
  return out;
}

class MqttConnection final : public TlsStream {
 public:
  using OnPacket = std::function<void(std::uint8_t type, ByteView body)>;
  MqttConnection(SSL_CTX* context, std::uint16_t port, OnPacket on_packet)
      : TlsStream(context, port), on_packet_(std::move(on_packet)) {}

 private:
  std::size_t on_bytes(ByteView bytes) override {
    std::size_t size = 0;
    std::size_t head = 1;
    for (;; ++head) {
      if (head >= bytes.size()) return 0;
      size |= static_cast<std::size_t>(bytes[head] & 0x7fU) << (7 * (head - 1));
      if ((bytes[head] & 0x80U) == 0) break;
    }
    ++head;
    if (bytes.size() < head + size) return 0;
    on_packet_(bytes[0], bytes.subspan(head, size));
    return head + size;
  }
  OnPacket on_packet_;
};

class Mosquitto final : public ServerPeer {
 public:
  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    loop_ = &loop;
    observer_ = &observer;
    const auto config = write_file(
        "conf", "listener " + std::to_string(port()) + " 127.0.0.1\ncertfile " + certificate() + "\nkeyfile " + key() +
                    "\nallow_anonymous true\npersistence true\npersistence_location " + folder() +
                    "/\nmax_queued_messages 0\nmax_inflight_messages 100\n"
                    "set_tcp_nodelay true\nlog_type error\nuser root\n");
    start({"/usr/sbin/mosquitto", "-c", config});
    recipients_.resize(pairs);
    come_online();
    fetch();
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      senders_.push_back(connect("sender" + std::to_string(pair), [this, pair](std::uint8_t type, ByteView) {
        if (type == puback_type) observer_->accepted(pair);
        if (type == connack_type) ++ready_;
      }));
    }
    run_until(loop, [this, pairs] { return ready_ == 2 * pairs; });
  }

  void send(std::size_t pair, std::uint64_t number) override {
    Bytes body;
    append_text(body, topic(pair));
    append_u16(body, number % 65535 + 1);
    append(body, payload_of(number));
    senders_[pair]->write(packet(publish_qos1_type, body));
  }
  void go_offline() override {
    for (auto& one : recipients_) one.reset();
  }
  void come_online() override {}
  void fetch() override {
    for (std::size_t pair = 0; pair < recipients_.size(); ++pair) {
      recipients_[pair] = connect("recipient" + std::to_string(pair),
                                  [this, pair](std::uint8_t type, ByteView body) { received(pair, type, body); });
      Bytes subscription;
      append_u16(subscription, 1);
      append_text(subscription, topic(pair));
      subscription.push_back(1);
      recipients_[pair]->write(packet(subscribe_type, subscription));
    }
  }
  /// It cannot be asked at once: what it tells under $SYS is old by seconds.
  std::uint64_t stored() override { return 0; }

 private:
  static std::string topic(std::size_t pair) { return "pair/" + std::to_string(pair); }

  std::unique_ptr<MqttConnection> connect(const std::string& name, MqttConnection::OnPacket on_packet) {
    auto out = std::make_unique<MqttConnection>(ssl(), port(), std::move(on_packet));
    out->attach(*loop_);
    Bytes body;
    append_text(body, "MQTT");
    body.push_back(4);  // 3.1.1
    body.push_back(0);  // a session that stays
    append_u16(body, 0);
    append_text(body, name);
    out->write(packet(connect_type, body));
    return out;
  }

  void received(std::size_t pair, std::uint8_t type, ByteView body) {
    if (type == suback_type) ++ready_;
    if ((type & 0xf0U) != (publish_qos1_type & 0xf0U)) return;
    const auto head = std::size_t{2} + (static_cast<std::size_t>(body[0]) << 8U | body[1]);
    observer_->delivered(pair, number_of(body.subspan(head + 2)));
    recipients_[pair]->write(packet(puback_type, body.subspan(head, 2)));
  }

  Loop* loop_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<std::unique_ptr<MqttConnection>> senders_;
  std::vector<std::unique_ptr<MqttConnection>> recipients_;
  std::size_t ready_ = 0;
};

}  // namespace

std::unique_ptr<Peer> make_mosquitto() { return std::make_unique<Mosquitto>(); }

}  // namespace sotto::bench
