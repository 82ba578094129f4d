// What the servers of others have in common here: a folder, a certificate, a port and a process.
#pragma once

#include <functional>

#include "load/peer.h"
#include "load/tls_stream.h"

namespace sotto::bench {

class ServerPeer : public Peer {
 public:
  [[nodiscard]] const Process& server() const final { return *process_; }

 protected:
  ServerPeer();
  /// Throws `NotHere` unless there is such a program, by its path or in PATH.
  static void need(const std::string& program);
  /// Starts it, and waits until it listens. Throws `NotHere` if there is no such program.
  void start(const std::vector<std::string>& arguments);
  [[nodiscard]] SSL_CTX* ssl() const { return ssl_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::string certificate() const { return folder() + "/cert.pem"; }
  [[nodiscard]] std::string key() const { return folder() + "/key.pem"; }
  /// Writes a file of the folder, and gives its path.
  [[nodiscard]] std::string write_file(const std::string& name, const std::string& content) const;
  /// Turns the loop until it is so.
  static void run_until(Loop& loop, const std::function<bool()>& done);

 private:
  TempFolder folder_;
  std::uint16_t port_ = 0;
  SslContext ssl_;
  std::unique_ptr<Process> process_;
};

/// One that only forwards: it is not asked to keep anything.
class ForwardingPeer : public ServerPeer {
 public:
  void go_offline() final {}
  void come_online() final {}
  void fetch() final {}
  std::uint64_t stored() final { return 0; }
  [[nodiscard]] bool stores() const final { return false; }
};

}  // namespace sotto::bench
