// Threads of ours take no signals: those belong to the app's threads.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sotto::net {

/// While it lives, threads that this thread starts begin with all signals blocked.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace sotto::net
