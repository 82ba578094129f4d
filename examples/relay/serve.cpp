#include "relay/serve.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "relay/exit_code.h"
#include "relay/notify.h"

namespace sotto_relay {

namespace {

sotto::LogSink sink_to(std::shared_ptr<spdlog::logger> logger) {
  return [logger](sotto::LogLevel level, std::string_view line) {
    static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                           spdlog::level::warn, spdlog::level::err};
    logger->log(levels[static_cast<int>(level)], "{}", line);
  };
}

void say_where(const sotto::Relay& relay, const Flags& flags) {
  std::printf("listening on %s\ndata %s\ncertificate %s\n", relay.url().c_str(), flags.relay.data_dir.c_str(),
              relay.certificate_path().c_str());
  if (const auto port = relay.admin_port()) {
    const auto& address = flags.relay.admin_address;
    const bool v6 = address.find(':') != std::string::npos;
    std::printf("admin http://%s:%u\n", v6 ? ("[" + address + "]").c_str() : address.c_str(), *port);
  }
  std::fflush(stdout);
}

/// Whoever does not want to wait for the orderly end says so a second time. Nothing that was answered is lost.
void end_at_next(const sigset_t& signals) {
  std::thread([signals] {
    int signal = SIGHUP;
    while (signal == SIGHUP) sigwait(&signals, &signal);
    std::signal(signal, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
    std::raise(signal);
  }).detach();
}

}  // namespace

int serve(Flags& flags) {
  // Blocked before any thread exists, so that only sigwait below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto logger = std::make_shared<spdlog::logger>("sotto-relay", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::info);
  flags.relay.log = sink_to(logger);

  auto relay = sotto::Relay::start(flags.relay);
  if (!relay.ok()) {
    const auto verdict = explain(relay.error(), flags.relay);
    std::fprintf(stderr, "sotto-relay: %s\n", verdict.text.c_str());
    return verdict.code;
  }
  say_where(**relay, flags);
  notify("READY=1");

  for (int signal = SIGHUP; signal == SIGHUP;) {
    sigwait(&signals, &signal);
    if (signal == SIGHUP) static_cast<void>((*relay)->reload_certificate());  // the log has it
  }
  notify("STOPPING=1");
  end_at_next(signals);
  (*relay)->stop();
  std::printf("stopped\n");
  return exit_ok;
}

}  // namespace sotto_relay
