#include "load/tls_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "load/must.h"

namespace sotto::bench {

namespace {

/// A TLS record's most.
constexpr std::size_t read_bytes = 16 * 1024;

std::string tls_error(const char* what) {
  char text[256] = "the connection broke";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  return std::string(what) + ": " + text;
}

}  // namespace

SslContext make_ssl_context(const std::string& ca_file, TlsVersion version) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    give_up("no TLS context with " + ca_file);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (version == TlsVersion::tls12) SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  return context;
}

TlsStream::TlsStream(SSL_CTX* context, std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    give_up("connecting to port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set_tlsext_host_name(ssl_.get(), "localhost");
  SSL_set1_host(ssl_.get(), "localhost");
  if (SSL_connect(ssl_.get()) != 1) give_up(tls_error("handshake"));
}

TlsStream::~TlsStream() { close(); }

void TlsStream::close() {
  if (fd_ < 0) return;
  if (loop_ != nullptr) loop_->remove(fd_, *this);
  touched_ = false;
  ssl_.reset();
  ::close(std::exchange(fd_, -1));
}

void TlsStream::write_blocking(ByteView bytes) {
  while (!bytes.empty()) {
    const int count = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (count <= 0) give_up(tls_error("writing"));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

Bytes TlsStream::read_blocking() {
  Bytes out(read_bytes);
  const int count = SSL_read(ssl_.get(), out.data(), static_cast<int>(out.size()));
  if (count <= 0) give_up(tls_error("reading"));
  out.resize(static_cast<std::size_t>(count));
  return out;
}

void TlsStream::attach(Loop& loop) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  loop_ = &loop;
  loop.add(fd_, *this);
  // What OpenSSL has read already does not make the socket ready.
  read();
}

void TlsStream::touch() {
  if (touched_ || loop_ == nullptr) return;
  touched_ = true;
  loop_->touch(*this);
}

void TlsStream::touch_at(Clock::time_point when) {
  if (loop_ != nullptr) loop_->touch_at(*this, when);
}

void TlsStream::write(ByteView bytes) {
  append(out_, bytes);
  touch();
}

void TlsStream::turn_ended() {
  touched_ = false;
  if (!open()) return;
  before_writing();
  flush();
}

void TlsStream::ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (open() && (events & ~std::uint32_t{EPOLLOUT}) != 0) read();
}

void TlsStream::flush() {
  while (written_ < out_.size()) {
    const auto left = std::min<std::size_t>(out_.size() - written_, 1U << 20);
    ERR_clear_error();
    const int count = SSL_write(ssl_.get(), out_.data() + written_, static_cast<int>(left));
    if (count > 0) {
      written_ += static_cast<std::size_t>(count);
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), count);
    if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ) return on_end();
    break;
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  }
  if (const bool wanted = !out_.empty(); wanted != wants_writes_) {
    wants_writes_ = wanted;
    loop_->want_writes(fd_, *this, wanted);
  }
}

void TlsStream::read() {
  for (;;) {
    const auto before = in_.size();
    in_.resize(before + read_bytes);
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), in_.data() + before, static_cast<int>(read_bytes));
    in_.resize(before + static_cast<std::size_t>(std::max(count, 0)));
    if (count <= 0) {
      const int why = SSL_get_error(ssl_.get(), count);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) break;
      return on_end();
    }
    if (static_cast<std::size_t>(count) < read_bytes && SSL_pending(ssl_.get()) == 0) break;
  }
  while (open() && in_used_ < in_.size()) {
    const auto used = on_bytes(ByteView(in_).subspan(in_used_));
    if (used == 0) break;
    in_used_ += used;
  }
  if (in_used_ == in_.size()) {
    in_.clear();
    in_used_ = 0;
    if (in_.capacity() > 4 * read_bytes) Bytes().swap(in_);
  } else if (in_used_ > 4 * read_bytes) {
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(in_used_));
    in_used_ = 0;
  }
}

void TlsStream::on_end() { give_up(tls_error("the server hung up")); }

}  // namespace sotto::bench
