// mls::GroupStorage over the client's store: the rows of one chat's group of one generation.
#pragma once

#include "base/ids.h"
#include "mls/storage.h"
#include "store/database.h"

namespace sotto::client {

class SqlGroupStorage final : public mls::GroupStorage {
 public:
  SqlGroupStorage(store::Database& db, const ChatId& chat, std::uint32_t generation)
      : db_(db), chat_(chat), generation_(generation) {}

  Result<std::optional<SecretBytes>> get(const mls::StorageKey& key) override;
  Status put(const mls::StorageKey& key, ByteView value) override;
  Status erase(const mls::StorageKey& key) override;
  Status erase_all(mls::Table table, std::uint64_t epoch) override;
  Result<std::vector<mls::StorageRow>> scan(mls::Table table, std::uint64_t epoch,
                                            std::optional<std::uint64_t> index) override;

 private:
  store::Database& db_;
  ChatId chat_;
  std::uint32_t generation_;
};

}  // namespace sotto::client
