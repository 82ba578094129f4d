// Where fuzz_make_corpus writes to.
#pragma once

#include <filesystem>
#include <fstream>
#include <set>

#include "base/bytes.h"

namespace sotto::fuzz {

class Corpus {
 public:
  Corpus(const std::filesystem::path& root, const std::string& target) : folder_(root / target) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void add(ByteView bytes, const std::string& name = "seed") {
    if (!seen_.insert(to_bytes(bytes)).second) return;
    std::ofstream out(folder_ / (name + "-" + std::to_string(seen_.size())), std::ios::binary);
    out << as_text(bytes);
  }
  void add(std::string_view text) { add(as_bytes(text)); }

 private:
  std::filesystem::path folder_;
  std::set<Bytes> seen_;
};

/// The seeds of the targets that take programs.
void write_programs(const std::filesystem::path& root);

}  // namespace sotto::fuzz
