#include "crypto/init.h"

#include <thread>

#include "crypto_test.h"

using namespace sotto;

TEST_CASE("the library can be initialised again and from several threads at once") {
  std::vector<std::thread> threads;
  std::array<bool, 4> ok{};
  for (auto& result : ok) threads.emplace_back([&result] { result = crypto::initialize().ok(); });
  for (auto& thread : threads) thread.join();
  CHECK(ok == std::array<bool, 4>{true, true, true, true});
  CHECK(crypto::initialize().ok());
}
