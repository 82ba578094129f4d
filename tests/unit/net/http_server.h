// A plain HTTP server on loopback that answers whatever a test wants, also what no server should.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>

#include "unit/net/fixture.h"

namespace sotto::test {

struct HttpRequest {
  /// With the line "POST /path HTTP/1.1".
  std::string head;
  std::string body;
};

struct HttpServerState {
  std::vector<HttpRequest> requests;
  std::size_t connections = 0;
  /// Requests being answered now, and the most there ever were.
  std::size_t busy = 0;
  std::size_t busiest = 0;
  bool released = false;
};

class HttpServer {
 public:
  /// Answers the nth request (from 0 on) by writing to the socket. False: hang up.
  using Answer = std::function<bool(HttpServer&, int fd, const HttpRequest&, std::size_t n)>;

  explicit HttpServer(Answer answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_, any, size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    REQUIRE(::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    release();
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port_) + "/hook";
  }

  static bool write(int fd, const std::string& text) {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  static bool status(int fd, const std::string& line, const std::string& headers = {}) {
    return write(fd, "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n" + headers + "\r\n");
  }
  static bool good(int fd) { return status(fd, "200 OK"); }
  /// Until `release`, or the end of the server.
  bool hold() {
    return state.wait([](HttpServerState& s) { return s.released; });
  }
  void release() {
    state.with([](HttpServerState& s) { s.released = true; });
  }
  bool wait_requests(std::size_t count) {
    return state.wait([=](HttpServerState& s) { return s.requests.size() >= count; });
  }
  std::vector<std::string> bodies() {
    return state.with([](HttpServerState& s) {
      std::vector<std::string> out;
      for (const auto& request : s.requests) out.push_back(request.body);
      return out;
    });
  }

  Watched<HttpServerState> state;

 private:
  void accept_all() {
    for (int fd = 0; (fd = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      const std::lock_guard lock(mutex_);
      open_.insert(fd);
      state.with([](HttpServerState& s) { ++s.connections; });
      threads_.emplace_back([this, fd] {
        serve(fd);
        const std::lock_guard closing(mutex_);
        open_.erase(fd);
        ::close(fd);
      });
    }
  }
  void serve(int fd) {
    for (HttpRequest request; read_request(fd, request);) {
      const auto n = state.with([&](HttpServerState& s) {
        s.requests.push_back(request);
        s.busiest = std::max(s.busiest, ++s.busy);
        return s.requests.size() - 1;
      });
      const bool go_on = answer_(*this, fd, request, n);
      state.with([](HttpServerState& s) { --s.busy; });
      if (!go_on) return;
    }
  }
  static bool read_request(int fd, HttpRequest& request) {
    request = {};
    char next = 0;
    while (!request.head.ends_with("\r\n\r\n")) {
      if (::recv(fd, &next, 1, 0) != 1) return false;
      request.head += next;
    }
    const std::string header = "Content-Length: ";
    const auto at = request.head.find(header);
    if (at == std::string::npos) return true;
    std::size_t size = 0;
    std::from_chars(request.head.data() + at + header.size(), request.head.data() + request.head.size(), size);
    request.body.resize(size);
    return size == 0 || ::recv(fd, request.body.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }

  Answer answer_;
  int listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
};

}  // namespace sotto::test
