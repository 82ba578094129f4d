#include "peers/server_peer.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "load/must.h"
#include "net/certificate.h"

namespace sotto::bench {

ServerPeer::ServerPeer() : port_(free_port()) {
  must(net::make_self_signed_certificate(certificate(), key(), {}), "a certificate");
  ssl_ = make_ssl_context(certificate());
}

void ServerPeer::need(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (::access(program.c_str(), X_OK) == 0) return;
  } else {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (::access((folder + "/" + program).c_str(), X_OK) == 0) return;
    }
  }
  throw NotHere("no " + program);
}

void ServerPeer::start(const std::vector<std::string>& arguments) {
  need(arguments.front());
  process_ = std::make_unique<Process>(arguments, folder() + "/log");
  process_->wait_for_port(port_);
}

std::string ServerPeer::write_file(const std::string& name, const std::string& content) const {
  std::ofstream(folder() + "/" + name) << content;
  return folder() + "/" + name;
}

void ServerPeer::run_until(Loop& loop, const std::function<bool()>& done) {
  const auto until = Clock::now() + std::chrono::seconds(60);
  while (!done()) {
    if (Clock::now() > until) give_up("a server does not answer");
    loop.turn(Clock::now() + std::chrono::milliseconds(50));
  }
}

}  // namespace sotto::bench
