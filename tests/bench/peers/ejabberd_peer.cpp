// XMPP as far as chat messages and their receipts need it: libstrophe would bring a loop of its own, and so other
// costs.
#include <openssl/evp.h>

#include <charconv>
#include <fstream>

#include "load/must.h"
#include "peers/peers.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

/// Names the folder of the Erlang libraries, in a line ERL_LIBS='…'.
constexpr auto control_script = "/usr/sbin/ejabberdctl";

std::string erlang_libraries() {
  std::ifstream script(control_script);
  const std::string name = "ERL_LIBS='";
  for (std::string line; std::getline(script, line);) {
    if (line.starts_with(name)) return line.substr(name.size(), line.rfind('\'') - name.size());
  }
  throw NotHere(std::string("no ERL_LIBS in ") + control_script);
}

std::string base64(std::string_view text) {
  // 4 characters for 3 bytes, and a zero at the end.
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

/// What stands between two texts.
std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string_view::npos) return {};
  const auto rest = text.substr(from + begin.size());
  return rest.substr(0, std::min(rest.find(end), rest.size()));
}

/// 200 characters that begin with the number in decimal: the payload of the others is not text.
std::string body_of(std::uint64_t number) {
  auto out = std::to_string(number);
  out.resize(payload_bytes, ' ');
  return out;
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) give_up("no number");
  return number;
}

std::string name_of_sender(std::size_t pair) { return "sender" + std::to_string(pair); }
std::string name_of_recipient(std::size_t pair) { return "recipient" + std::to_string(pair); }

class XmppConnection final : public TlsStream {
 public:
  using OnMessage = std::function<void(std::string_view stanza)>;
  /// Signs in as this user with the resource "bench", and is available.
  XmppConnection(SSL_CTX* context, std::uint16_t port, const std::string& user, OnMessage on_message)
      : TlsStream(context, port), on_message_(std::move(on_message)) {
    const std::string stream =
        "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>";
    using namespace std::string_literals;
    say(stream, "</stream:features>");
    say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + base64("\0"s + user + "\0secret"s) +
            "</auth>",
        "<success");
    say(stream, "</stream:features>");
    say("<iq type='set' id='bind'><bind "
        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind></iq>",
        "</iq>");
    say("<presence/>", "<presence");
  }

 private:
  void say(const std::string& what, std::string_view answer) {
    write_blocking(as_bytes(what));
    std::string all;
    while (all.find(answer) == std::string::npos) {
      all += as_text(read_blocking());
      if (all.find("<failure") != std::string::npos || all.find("<stream:error") != std::string::npos) {
        give_up("ejabberd: " + all);
      }
    }
  }

  /// Of stanzas only messages are of interest, and all of these have children.
  std::size_t on_bytes(ByteView bytes) override {
    constexpr std::string_view end_tag = "</message>";
    const auto text = as_text(bytes);
    const auto at = text.find(end_tag);
    if (at == std::string_view::npos) {
      if (text.find("<stream:error") != std::string_view::npos) give_up("ejabberd: " + std::string(text));
      return 0;
    }
    const auto stanza = text.substr(0, at);
    if (stanza.find("type='error'") != std::string_view::npos) give_up("ejabberd: " + std::string(stanza));
    on_message_(stanza);
    return at + end_tag.size();
  }
  OnMessage on_message_;
};

class Ejabberd final : public ForwardingPeer {
 public:
  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    observer_ = &observer;
    start_server(pairs);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      recipients_.push_back(std::make_unique<XmppConnection>(
          ssl(), port(), name_of_recipient(pair), [this, pair](std::string_view stanza) { received(pair, stanza); }));
      senders_.push_back(std::make_unique<XmppConnection>(
          ssl(), port(), name_of_sender(pair), [this, pair](std::string_view stanza) { answered(pair, stanza); }));
      recipients_.back()->attach(loop);
      senders_.back()->attach(loop);
    }
  }

  void send(std::size_t pair, std::uint64_t number) override {
    const auto id = std::to_string(number);
    senders_[pair]->write(as_bytes("<message to='" + name_of_recipient(pair) + "@localhost/bench' type='chat' id='" +
                                   id + "'><body>" + body_of(number) +
                                   "</body><request xmlns='urn:xmpp:receipts'/></message>"));
  }

 private:
  /// Erlang itself instead of `ejabberdctl`: without a node name there is no epmd, and the process is ours to end.
  void start_server(std::size_t pairs) {
    need(control_script);
    need("erl");
    const auto certificate_and_key = folder() + "/both.pem";
    std::ofstream both(certificate_and_key);
    both << std::ifstream(key()).rdbuf() << std::ifstream(certificate()).rdbuf();
    both.close();
    const auto config =
        write_file("ejabberd.yml", "hosts: [localhost]\nloglevel: error\ncertfiles: [" + certificate_and_key +
                                       "]\nauth_password_format: plain\nlisten:\n  - port: " + std::to_string(port()) +
                                       "\n    ip: 127.0.0.1\n    module: ejabberd_c2s\n    tls: true\n"
                                       "    backlog: 1000\nmodules: {}\n");
    const auto accounts =
        "[ok = ejabberd_auth:try_register(<<Name/binary, (integer_to_binary(I))/binary>>, "
        "<<\"localhost\">>, <<\"secret\">>) || I <- lists:seq(0, " +
        std::to_string(pairs - 1) +
        "), Name <- [<<\"sender\">>, <<\"recipient\">>]], io:format(\"accounts are there~n\").";
    // Options as in ejabberdctl.
    start({"env", "EJABBERD_CONFIG_PATH=" + config, "EJABBERD_LOG_PATH=" + folder() + "/ejabberd.log",
           "ERL_LIBS=" + erlang_libraries(), "ERL_MAX_PORTS=32000", "ERL_CRASH_DUMP_BYTES=0", "erl", "+K", "true", "+P",
           "250000", "-noinput", "-mnesia", "dir", "\"" + folder() + "/spool\"", "-s", "ejabberd", "-eval", accounts});
    (void)server().wait_for("accounts are there");
  }

  void received(std::size_t pair, std::string_view stanza) {
    const auto body = between(stanza, "<body>", "</body>");
    if (body.size() != payload_bytes) give_up("ejabberd: " + std::string(stanza));
    const auto number = number_in(body);
    observer_->delivered(pair, number);
    recipients_[pair]->write(as_bytes("<message to='" + name_of_sender(pair) + "@localhost/bench' type='chat' id='r" +
                                      std::to_string(number) + "'><received xmlns='urn:xmpp:receipts' id='" +
                                      std::to_string(number) + "'/></message>"));
  }
  /// Receipts come in the order of the messages, as these do.
  void answered(std::size_t pair, std::string_view stanza) {
    if (stanza.find("<received") == std::string_view::npos) give_up("ejabberd: " + std::string(stanza));
    observer_->accepted(pair);
  }

  Observer* observer_ = nullptr;
  std::vector<std::unique_ptr<XmppConnection>> senders_;
  std::vector<std::unique_ptr<XmppConnection>> recipients_;
};

}  // namespace

std::unique_ptr<Peer> make_ejabberd() { return std::make_unique<Ejabberd>(); }

}  // namespace sotto::bench
