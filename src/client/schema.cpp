#include "client/schema.h"

#include <array>

#include "base/guarded.h"
#include "base/try.h"
#include "client/migrations/m0001_initial.h"
#include "client/migrations/m0002_published.h"
#include "client/migrations/m0003_event_log.h"
#include "client/migrations/m0004_media.h"
#include "client/migrations/m0005_attachment_requests.h"
#include "client/migrations/m0006_people.h"
#include "client/migrations/m0007_registration.h"
#include "client/migrations/m0008_leaving.h"
#include "client/migrations/m0009_urgency.h"
#include "client/migrations/m0010_handle_change.h"
#include "store/migrations.h"

namespace sotto::client {

Result<std::unique_ptr<store::Database>> open_store(const std::string& path, const std::string& vfs,
                                                    store::Sharing sharing) {
  return guarded([&]() -> Result<std::unique_ptr<store::Database>> {
    store::OpenOptions options;
    options.sharing = sharing;
    options.vfs = vfs;
    SOTTO_TRY_ASSIGN(auto db, store::Database::open(path, options));
    static constexpr std::array<store::Migration, 10> all = {{{1, migrations::m0001_initial},
                                                              {2, migrations::m0002_published},
                                                              {3, migrations::m0003_event_log},
                                                              {4, migrations::m0004_media},
                                                              {5, migrations::m0005_attachment_requests},
                                                              {6, migrations::m0006_people},
                                                              {7, migrations::m0007_registration},
                                                              {8, migrations::m0008_leaving},
                                                              {9, migrations::m0009_urgency},
                                                              {10, migrations::m0010_handle_change}}};
    SOTTO_TRY(store::migrate(*db, all, application_id));
    return db;
  });
}

}  // namespace sotto::client
