#include "net/client_connection.h"

#include "net/tls.h"

namespace sotto::net {
namespace {

/// How long one address may take while there are others to try.
constexpr std::chrono::seconds address_timeout{3};

/// What libwebsockets calls a failed attempt, as an Error. Its texts are its only way to tell.
Error connect_error(std::string_view text) {
  const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  std::string message = "connecting: " + std::string(text);
  if (has("SSL") || has("tls") || has("server's cert")) return {ErrorCode::TLS_FAILED, std::move(message)};
  // A proxy or a relay that is just starting answers with a status; what answers otherwise is no relay.
  if (text.starts_with("HS:") && !has("101")) return {ErrorCode::PROTOCOL_ERROR, std::move(message)};
  return {ErrorCode::UNAVAILABLE, std::move(message)};
}

/// A reason ends up in logs and on screens: nothing but ASCII that shows.
std::string printable(ByteView text) {
  std::string out = to_string(text);
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

Error close_error(std::uint16_t code, std::string_view reason) {
  std::string message = "the relay closed the connection: " + std::to_string(code);
  if (!reason.empty()) message += " " + std::string(reason);
  switch (code) {
    case close_code::protocol_error:
    case close_code::unsupported_data:
    case close_code::invalid_payload:
    case close_code::policy_violation:
    case close_code::too_big:
      return {ErrorCode::PROTOCOL_ERROR, std::move(message)};
    default:
      return {ErrorCode::UNAVAILABLE, std::move(message)};
  }
}

}  // namespace

ClientConnection::ClientConnection(ClientConnectionHost& host, ConnectionId id, Endpoint endpoint, lws_vhost* vhost)
    : host_(host),
      id_(id),
      endpoint_(std::move(endpoint)),
      vhost_(vhost),
      connect_by_(std::chrono::steady_clock::now() + host.options().connect_timeout),
      kick_([](void* self) { static_cast<ClientConnection*>(self)->kick(); }, this),
      deadline_([](void* self) { static_cast<ClientConnection*>(self)->deadline_passed(); }, this) {
  deadline_.start(host_.context(), host.options().connect_timeout);
}

void ClientConnection::resolved(Result<Addresses> addresses) {
  if (state_ != State::resolving || closing_) return;
  if (!addresses.ok()) {
    fail(std::move(addresses).error());
    kick_.start(host_.context(), std::chrono::microseconds(0));
    return;
  }
  addresses_ = std::move(addresses).value();
  state_ = State::connecting;
  kick_.start(host_.context(), std::chrono::microseconds(0));
}

void ClientConnection::kick() {
  if (closing_ || failure_ || state_ != State::connecting) {
    finish();
  } else {
    attempt();
  }
}

std::chrono::microseconds ClientConnection::time_left() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(connect_by_ - std::chrono::steady_clock::now());
}

void ClientConnection::attempt() {
  const std::string& address = addresses_[next_address_++];
  auto limit = time_left();
  if (next_address_ < addresses_.size()) limit = std::min<std::chrono::microseconds>(limit, address_timeout);
  deadline_.start(host_.context(), limit);

  const bool v6 = endpoint_.host.find(':') != std::string::npos;
  const std::string host_header =
      (v6 ? "[" + endpoint_.host + "]" : endpoint_.host) + ":" + std::to_string(endpoint_.port);
  lws_client_connect_info info{};
  info.context = host_.context();
  info.vhost = vhost_;
  info.address = address.c_str();
  info.port = endpoint_.port;
  info.path = endpoint_.path.c_str();
  info.host = host_header.c_str();
  info.protocol = subprotocol;
  info.local_protocol_name = subprotocol;
  info.alpn = "http/1.1";
  // The name is checked in `before_request`; the chain is checked by OpenSSL as always.
  info.ssl_connection = LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  info.opaque_user_data = this;

  starting_ = true;
  died_while_starting_ = false;
  lws* wsi = lws_client_connect_via_info(&info);
  starting_ = false;
  if (wsi == nullptr || died_while_starting_) {
    wsi_ = nullptr;
    attempt_failed();
    return;
  }
  wsi_ = wsi;
}

void ClientConnection::attempt_failed() {
  if (closing_ || final_failure_ || next_address_ >= addresses_.size() || time_left().count() <= 0) {
    finish();
    return;
  }
  failure_.reset();
  kick_.start(host_.context(), std::chrono::microseconds(0));
}

void ClientConnection::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

void ClientConnection::refuse(Error error) {
  failure_ = std::move(error);
  final_failure_ = true;
}

Status ClientConnection::send(Bytes message) {
  if (closing_) return ErrorCode::CLOSED;
  if (message.size() > host_.options().max_message_bytes) return ErrorCode::TOO_LARGE;
  if (message.size() > host_.options().max_queued_bytes - queue_.bytes()) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "too much is waiting to be sent");
  }
  queue_.push(std::make_shared<const Bytes>(std::move(message)));
  if (state_ == State::open) lws_callback_on_writable(wsi_);
  return {};
}

void ClientConnection::close(std::uint16_t code, std::string_view reason) {
  if (closing_) return;
  closing_ = true;
  info_.code = code;
  info_.reason = reason;
  if (state_ == State::open) {
    lws_callback_on_writable(wsi_);
    deadline_.start(host_.context(), host_.options().close_timeout);
  } else if (wsi_ != nullptr) {
    kill(wsi_);
  } else {
    kick_.start(host_.context(), std::chrono::microseconds(0));
  }
}

void ClientConnection::abort() {
  if (!closing_) refuse(Error(ErrorCode::UNAVAILABLE, "the loop was stopped"));
  if (wsi_ != nullptr) {
    kill(wsi_);
  } else {
    finish();
  }
}

void ClientConnection::deadline_passed() {
  if (state_ != State::open && !closing_) fail(Error(ErrorCode::UNAVAILABLE, "no connection in time"));
  if (wsi_ != nullptr) {
    kill(wsi_);
  } else {
    finish();
  }
}

void ClientConnection::finish() {
  CloseInfo info = std::move(info_);
  info.error = outcome();
  host_.finished(id_, std::move(info));  // *this is gone
}

Error ClientConnection::outcome() const {
  if (failure_ && final_failure_) return *failure_;
  if (closing_) return Error(ErrorCode::CLOSED);
  if (failure_) return *failure_;
  if (state_ == State::open && info_.code != close_code::abnormal) return close_error(info_.code, info_.reason);
  return {ErrorCode::UNAVAILABLE, state_ == State::open ? "the connection was lost" : "no connection"};
}

int ClientConnection::on_lws(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size) {
  switch (reason) {
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
      return verify(in, size != 0);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      return before_request(wsi);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
      return check_subprotocol(wsi);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      opened(wsi);
      return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return receive(wsi, received(in, size));
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return writeable(wsi);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      if (!closing_ && size >= 2) {
        const ByteView payload = received(in, size);
        info_.code = static_cast<std::uint16_t>(payload[0] << 8 | payload[1]);
        info_.reason = printable(payload.subspan(2));
      }
      return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: {
      const std::string_view text = in != nullptr ? as_text(received(in, size)) : std::string_view("failed");
      fail(connect_error(text.substr(0, text.find('\0'))));
      return 0;
    }
    case LWS_CALLBACK_WSI_DESTROY:
      destroyed();
      return 0;
    default:
      return 0;
  }
}

int ClientConnection::verify(void* store_context, bool good_so_far) {
  // `size` was OpenSSL's verdict so far. Returning 0 lets it stand, or accepts where the error was taken back.
  const Status status = judge_chain(store_context, good_so_far, endpoint_.trust);
  if (status.ok()) return 0;
  refuse(status.error());
  return -1;
}

int ClientConnection::before_request(lws* wsi) {
  const Status status = check_server(lws_get_ssl(wsi), endpoint_);
  if (status.ok()) return 0;
  refuse(status.error());
  return -1;
}

int ClientConnection::check_subprotocol(lws* wsi) {
  char chosen[sizeof subprotocol + 1] = {};
  const int size = lws_hdr_copy(wsi, chosen, sizeof chosen, WSI_TOKEN_PROTOCOL);
  if (size > 0 && std::string_view(chosen) == subprotocol) return 0;
  refuse(Error(ErrorCode::PROTOCOL_ERROR, "the server does not speak " + std::string(subprotocol)));
  return -1;
}

void ClientConnection::opened(lws* wsi) {
  wsi_ = wsi;
  state_ = State::open;
  failure_.reset();
  if (closing_) {  // closed between the two last steps of the handshake
    lws_callback_on_writable(wsi);
    return;
  }
  deadline_.cancel();
  if (!queue_.empty()) lws_callback_on_writable(wsi);
  host_.handler().on_open(id_);
}

int ClientConnection::receive(lws* wsi, ByteView piece) {
  lws_validity_confirmed(wsi);
  if (closing_) return 0;
  const bool first = lws_is_first_fragment(wsi) != 0;
  std::uint16_t refused = 0;
  if (first && lws_frame_is_binary(wsi) == 0) {
    refused = close_code::unsupported_data;
  } else {
    switch (assembler_.add(piece, first, lws_is_final_fragment(wsi) != 0, lws_remaining_packet_payload(wsi),
                           host_.options().max_message_bytes)) {
      case Assembler::Result::more:
        return 0;
      case Assembler::Result::complete:
        host_.handler().on_message(id_, assembler_.take());
        return 0;
      case Assembler::Result::too_large:
        refused = close_code::too_big;
        break;
    }
  }
  close(refused, {});
  refuse(Error(ErrorCode::PROTOCOL_ERROR, "the relay sent what no relay sends"));
  return 0;
}

int ClientConnection::writeable(lws* wsi) {
  if (state_ != State::open || close_sent_) return 0;
  if (lws_send_pipe_choked(wsi) != 0) {
    lws_callback_on_writable(wsi);
    return 0;
  }
  if (queue_.empty()) {
    if (!closing_) return 0;
    close_sent_ = true;
    set_close_reason(wsi, info_.code, info_.reason);
    return -1;
  }
  Bytes& out = host_.scratch();
  queue_.take(LWS_PRE, out);
  if (lws_write(wsi, out.data() + LWS_PRE, out.size() - LWS_PRE, LWS_WRITE_BINARY) < 0) return -1;
  // The Close frame, too, gets a callback of its own: written behind a part that libwebsockets holds back, it is lost.
  if (!queue_.empty() || closing_) lws_callback_on_writable(wsi);
  return 0;
}

void ClientConnection::destroyed() {
  wsi_ = nullptr;
  if (starting_) {
    died_while_starting_ = true;
  } else if (state_ == State::open) {
    finish();
  } else {
    attempt_failed();
  }
}

}  // namespace sotto::net
