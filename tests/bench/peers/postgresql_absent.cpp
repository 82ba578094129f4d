// In place of postgresql_peer.cpp where the build found no libpq.
#include "load/must.h"
#include "peers/peers.h"

namespace sotto::bench {

std::unique_ptr<Peer> make_postgresql(const std::string& /*programs*/) { throw NotHere("built without libpq"); }

}  // namespace sotto::bench
