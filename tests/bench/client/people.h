// Clients for bench_client, over the public API, and what they saw.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "load/must.h"
#include "sotto/blocking.h"
#include "sotto/client.h"

namespace sotto::bench {

/// Counts events; lets another thread wait for a number of them.
class Tally {
 public:
  void add();
  void wait_for(std::uint64_t count);
  [[nodiscard]] std::uint64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

/// A client whose sent and received texts are counted.
class Person {
 public:
  Person(std::string folder, std::string url, std::string ca_file)
      : folder_(std::move(folder)), url_(std::move(url)), ca_file_(std::move(ca_file)) {}
  /// Opens the store, and connects if asked to.
  void open(bool connect = true);
  void close() { client_.reset(); }
  UserId register_as(const std::string& handle);
  Client& client() { return *client_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  Tally received;
  Tally sent;

 private:
  std::string folder_;
  std::string url_;
  std::string ca_file_;
  std::unique_ptr<Client> client_;
};

}  // namespace sotto::bench
