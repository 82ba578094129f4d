// Runs a file of the MLS working group's test vectors (mlswg/mls-implementations, test-vectors.md):
//
//   mls_vectors <type> <file.json>
//
// Prints a line to stderr for each failed or skipped entry, and "N passed, N failed, N skipped" to stdout. Exits with 0
// if something passed and nothing failed, 1 otherwise, 2 if the arguments or the file are wrong.
#include <fstream>
#include <iostream>
#include <map>

#include "crypto/init.h"
#include "vector_case.h"

namespace sotto::vectors {
namespace {

/// Which ciphersuites a type can be checked for with this code.
enum class Suites { none_named, only_ours, any_with_sha256 };

struct Type {
  Runner run;
  Suites suites;
};

const std::map<std::string, Type>& types() {
  static const std::map<std::string, Type> table = {
      {"tree-math", {run_tree_math, Suites::none_named}},
      {"crypto-basics", {run_crypto_basics, Suites::only_ours}},
      {"secret-tree", {run_secret_tree, Suites::only_ours}},
      {"message-protection", {run_message_protection, Suites::only_ours}},
      {"key-schedule", {run_key_schedule, Suites::only_ours}},
      {"psk_secret", {run_psk_secret, Suites::only_ours}},
      {"transcript-hashes", {run_transcript_hashes, Suites::only_ours}},
      {"welcome", {run_welcome, Suites::only_ours}},
      {"tree-operations", {run_tree_operations, Suites::any_with_sha256}},
      {"tree-validation", {run_tree_validation, Suites::only_ours}},
      {"treekem", {run_treekem, Suites::only_ours}},
      {"messages", {run_messages, Suites::none_named}},
      {"deserialization", {run_deserialization, Suites::none_named}},
      {"passive-client", {run_passive_client, Suites::only_ours}},
      {"passive-client-welcome", {run_passive_client, Suites::only_ours}},
      {"passive-client-handling-commit", {run_passive_client, Suites::only_ours}},
      {"passive-client-random", {run_passive_client, Suites::only_ours}},
  };
  return table;
}

bool covers(Suites suites, const json& entry) {
  if (suites == Suites::none_named || !entry.contains("cipher_suite")) return true;
  const auto suite = entry.at("cipher_suite").get<int>();
  return suite == mls::ciphersuite || (suites == Suites::any_with_sha256 && suite >= 1 && suite <= 3);
}

int run_file(const Type& type, const std::string& path) {
  std::ifstream file(path);
  const auto entries = json::parse(file, nullptr, false);
  if (!entries.is_array()) {
    std::cerr << "mls_vectors: " << path << " is not a JSON array of vectors\n";
    return 2;
  }
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t skipped = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Case it(entries[i]);
    try {
      if (covers(type.suites, entries[i])) {
        type.run(it);
      } else {
        it.skip("another ciphersuite");
      }
    } catch (const json::exception& error) {
      it.check(false, std::string("the entry lacks something: ") + error.what());
    }
    for (const auto& failure : it.failures()) std::cerr << path << " [" << i << "] failed: " << failure << "\n";
    if (!it.failures().empty()) {
      ++failed;
    } else if (!it.skipped().empty()) {
      std::cerr << path << " [" << i << "] skipped: " << it.skipped() << "\n";
      ++skipped;
    } else {
      ++passed;
    }
  }
  std::cout << passed << " passed, " << failed << " failed, " << skipped << " skipped\n";
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace sotto::vectors

int main(int argc, char** argv) {
  if (argc != 3 || !sotto::vectors::types().contains(argv[1])) {
    std::cerr << "usage: mls_vectors <type> <file.json>\ntypes:";
    for (const auto& [name, type] : sotto::vectors::types()) std::cerr << " " << name;
    std::cerr << "\n";
    return 2;
  }
  if (!sotto::crypto::initialize().ok()) return 2;
  return sotto::vectors::run_file(sotto::vectors::types().at(argv[1]), argv[2]);
}
