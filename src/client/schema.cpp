#include "client/schema.h"

#include <array>

#include "base/try.h"
#include "client/migrations/m0001_initial.h"
#include "store/migrations.h"

namespace sotto::client {

Result<std::unique_ptr<store::Database>> open_store(const std::string& path, const std::string& vfs) {
  store::OpenOptions options;
  options.sharing = store::Sharing::lease;
  options.vfs = vfs;
  SOTTO_TRY_ASSIGN(auto db, store::Database::open(path, options));
  static constexpr std::array<store::Migration, 1> all = {{{1, migrations::m0001_initial}}};
  SOTTO_TRY(store::migrate(*db, all, application_id));
  return db;
}

}  // namespace sotto::client
