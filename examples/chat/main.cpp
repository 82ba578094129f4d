// sotto-chat: a chat in a terminal. Without a terminal on standard input it takes commands line by line instead, for
// scripts; chat/line_mode.h describes that.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "chat/line_mode.h"
#include "chat/screen_mode.h"

namespace {

struct Options {
  std::string data_dir;
  std::string relay_url;
  std::string ca_file;
  unsigned wait_seconds = 120;
  bool lines = false;
};

/// Opens the client and runs one face of the program over it.
template <typename Mode, typename... Args>
int run(const Options& options, int signals, Args... args) {
  auto loop = std::make_shared<chat::EventLoop>();
  // Events that were posted before there is a mode wait in the loop, which only the mode runs.
  auto mode = std::make_shared<std::unique_ptr<Mode>>();
  sotto::ClientConfig config;
  config.data_dir = options.data_dir;
  config.relay_url = options.relay_url;
  config.ca_file = options.ca_file;
  config.executor = loop;
  config.on_event = [mode](const sotto::Event& event) { (*mode)->on_event(event); };
  auto opened = sotto::Client::open(std::move(config));
  if (!opened.ok()) {
    std::cerr << "sotto-chat: " << sotto::error_name(opened.error().code) << ": " << opened.error().message << "\n";
    return opened.error().code == sotto::ErrorCode::IN_USE ? 3 : 1;
  }
  chat::Session session(**opened, loop);
  session.refresh_names();
  *mode = std::make_unique<Mode>(session, *loop, args...);
  const int code = (*mode)->run(signals);
  (*opened)->close();
  mode->reset();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A chat in a terminal, end-to-end encrypted."};
  app.add_option("--data", options.data_dir, "folder of your account and chats, made if missing")->required();
  app.add_option("--relay", options.relay_url, "address of the relay, such as wss://localhost:8443")->required();
  app.add_option("--ca", options.ca_file, "PEM file of the certificate to trust, instead of the system's");
  app.add_flag("--lines", options.lines, "line by line for scripts, as without a terminal");
  app.add_option("--wait-seconds", options.wait_seconds, "patience of the /wait commands of scripts");
  CLI11_PARSE(app, argc, argv);

  const int signals = chat::watch_signals();
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (terminal && !options.lines) return run<chat::ScreenMode>(options, signals);
  return run<chat::LineMode>(options, signals, std::chrono::seconds(options.wait_seconds));
}
