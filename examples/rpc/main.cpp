// sotto-rpc: the client for programs in any language: JSON lines on standard input and output, or a local WebSocket.
// docs/rpc.md describes them.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <iostream>
#include <map>

#include "chat/event_loop.h"
#include "chat/terminal.h"
#include "rpc/stdio_door.h"
#include "rpc/websocket_door.h"

namespace {

using Clock = std::chrono::steady_clock;

/// How long the last answers wait to be read at the end.
constexpr std::chrono::seconds patience_for_reader{5};

/// What the shell gets, so that a supervisor can tell what happened.
enum ExitCode { exit_ok = 0, exit_other = 1, exit_in_use = 3, exit_listen = 4 };

struct Options {
  sotto::ClientConfig client;
  std::string listen;
  unsigned grace_seconds = 10;
  std::uint64_t cache_mib = 2048;
  bool offline = false;
  bool no_reupload = false;
};

std::map<std::string, sotto::LogLevel> log_levels() {
  using sotto::LogLevel;
  return {
      {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
}

int fail(const sotto::Error& error) {
  std::cerr << "sotto-rpc: " << sotto::error_name(error.code) << ": " << error.message << "\n";
  if (error.code == sotto::ErrorCode::ADDRESS_IN_USE) return exit_listen;
  return error.code == sotto::ErrorCode::IN_USE ? exit_in_use : exit_other;
}

class Program {
 public:
  Program(Options options, int signals) : options_(std::move(options)), signals_(signals) {}

  int run() {
    if (const auto opened = open(); !opened.ok()) return fail(opened.error());
    while (!at_end()) turn();
    close();
    return exit_ok;
  }

 private:
  sotto::Status open() {
    auto& config = options_.client;
    config.executor = loop_;
    config.on_event = [this](const sotto::Event& event) { service_.on_event(event); };
    config.keep_event_log = true;
    config.attachment_cache_bytes = options_.cache_mib << 20;
    config.answer_attachment_requests = !options_.no_reupload;
    config.connect_at_open = !options_.offline;
    config.on_events_logged = [this] { service_.on_events_logged(); };
    config.log = [](sotto::LogLevel, std::string_view line) { std::cerr << "sotto-rpc: " << line << std::endl; };
    const auto data_dir = config.data_dir;
    auto client = sotto::Client::open(std::move(config));
    if (!client.ok()) return client.error();
    client_ = std::move(*client);
    service_.set_client(*client_);
    if (options_.listen.empty()) return {};
    auto door = rpc::WebSocketDoor::open(service_, loop_, options_.listen, data_dir);
    if (!door.ok()) return door.error();
    websocket_ = std::move(*door);
    stdio_.say(R"({"listening":")" + websocket_->url() + R"("})");
    return {};
  }

  /// Waits for something, and deals with it.
  void turn() {
    std::array<pollfd, 5> fds{{{loop_->wake_fd(), POLLIN, 0},
                               {signals_, POLLIN, 0},
                               {stdio_.input_fd(), POLLIN, 0},
                               {stdio_.output_fd(), POLLOUT, 0},
                               {websocket_ ? websocket_->fd() : -1, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), timeout());
    if (fds[1].revents != 0 && chat::asked_to_end(signals_)) asked_to_end_ = true;
    if (fds[2].revents != 0) stdio_.read();
    if (fds[3].revents != 0) stdio_.write_some();
    if (fds[4].revents != 0) websocket_->accept();
    loop_->run_ready();
  }

  /// With a WebSocket the process outlives its standard input. Without one, what was asked for gets some time.
  bool at_end() {
    if (asked_to_end_) return true;
    if (websocket_ || !stdio_.ended()) return false;
    if (!deadline_) deadline_ = Clock::now() + std::chrono::seconds(options_.grace_seconds);
    return stdio_.answered() || Clock::now() >= *deadline_;
  }

  void close() {
    bool closed = false;
    client_->close([&closed] { closed = true; });
    service_.close();
    while (!closed) turn();
    deadline_ = Clock::now() + patience_for_reader;
    while (!stdio_.written() && Clock::now() < *deadline_) turn();
    websocket_.reset();
    client_.reset();
  }

  [[nodiscard]] int timeout() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  Options options_;
  int signals_;
  bool asked_to_end_ = false;
  std::optional<Clock::time_point> deadline_;
  std::shared_ptr<chat::EventLoop> loop_ = std::make_shared<chat::EventLoop>();
  rpc::Service service_{loop_};
  rpc::StdioDoor stdio_{service_};
  std::unique_ptr<sotto::Client> client_;
  std::unique_ptr<rpc::WebSocketDoor> websocket_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Sotto for programs: JSON lines on standard input and output, end-to-end encrypted."};
  app.add_option("--data", options.client.data_dir, "folder of the account and its chats, made if missing")->required();
  app.add_option("--relay", options.client.relay_url, "address of the relay, such as wss://localhost:8443")->required();
  app.add_option("--ca", options.client.ca_file, "PEM file of the certificate to trust, instead of the system's");
  app.add_option("--listen", options.listen, "also on a local WebSocket: a port on 127.0.0.1, or unix:PATH");
  app.add_option("--grace", options.grace_seconds, "seconds that commands get to be answered after the input's end")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  app.add_option("--spki-pin", options.client.spki_pins,
                 "SHA-256 of the only public key that the relay may have, in hexadecimal digits; may be given again");
  app.add_option("--cache-mib", options.cache_mib, "how much the files of attachments may take in the folder")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_flag("--no-reupload", options.no_reupload, "do not answer who asks for attachments that have expired");
  app.add_flag("--offline", options.offline, "stay offline until the command connect");
  app.add_option("--log-level", options.client.log_level, "what is told on standard error")
      ->transform(CLI::CheckedTransformer(log_levels()))
      ->option_text("debug|info|warning|error, else warning");
  CLI11_PARSE(app, argc, argv);
  return Program(std::move(options), chat::watch_signals()).run();
}
