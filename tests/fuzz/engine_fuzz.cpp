// The real engine, with the store of a client that was away, fed by a hostile relay: the input is a program of small
// acts. Whatever comes, nothing false is shown, each command completes once, and an honest relay can go on afterwards.
#include <filesystem>
#include <fstream>

#include "engine_attack.h"

using namespace sotto;
using namespace sotto::fuzz;

namespace {

/// The store of the world's alice, brought back before each input.
class Store {
 public:
  explicit Store(store::Database& db) : db_(db) {
    must(db_.execute_script("ATTACH ':memory:' AS saved"));
    must(db_.query("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'",
                   [&](const store::Row& row) { tables_.push_back(row.text(0)); }));
    for (const auto& table : tables_) {
      const auto copy = table == "sqlite_sequence" ? "intent_sequence" : table;
      must(db_.execute_script("CREATE TABLE saved." + copy + " AS SELECT * FROM main." + table));
      restore_ += "DELETE FROM main." + table + "; INSERT INTO main." + table + " SELECT * FROM saved." + copy + ";";
      clear_ += "DELETE FROM main." + table + ";";
    }
  }
  void restore() { must(db_.execute_script("BEGIN;" + restore_ + "COMMIT")); }
  void clear() { must(db_.execute_script("BEGIN;" + clear_ + "COMMIT")); }

 private:
  store::Database& db_;
  std::vector<std::string> tables_;
  std::string restore_;
  std::string clear_;
};

/// The files of her attachments, likewise.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(file.path(), std::ios::binary);
      files_[file.path()] = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    check(!files_.empty(), "there are files");
  }
  void clear() const {
    for (const auto& file : std::filesystem::directory_iterator(path_)) std::filesystem::remove(file.path());
  }
  void restore() const {
    clear();
    for (const auto& [path, bytes] : files_) {
      std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
  }

 private:
  std::string path_;
  std::map<std::filesystem::path, std::string> files_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static EngineWorld world;
  static Store store(*world.alice->db);
  static const Folder folder(world.alice->folder());
  FuzzedDataProvider input(data, size);
  const bool fresh = input.ConsumeIntegral<std::uint8_t>() % 16 == 15;
  if (fresh) {
    store.clear();
    folder.clear();
  } else {
    store.restore();
    folder.restore();
  }
  Attack(world, input, fresh).run();
  return 0;
}
