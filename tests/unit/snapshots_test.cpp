// Memory that the guest shares with others belongs to each snapshot and each worker alone: what one of them does as it
// re-executes is seen by no other.
#include "tests/unit/recorded_guest.h"

namespace fred {
namespace {

/// The counters of tests/guests/memory/shared_counters.c.
std::vector<u8> counters_at(Peer& peer, u64 ticks) {
  REQUIRE(peer.run_ticks(ticks));
  std::vector<u8> all;
  for (const u64 at : {0x200000000000, 0x200000010000, 0x200000020000}) {
    const auto bytes = peer.memory(GuestAddr{at}, 8);
    REQUIRE(bytes);
    all.insert(all.end(), bytes->begin(), bytes->end());
  }
  return all;
}

Peer forked(Result<Peer> peer) {
  if (!peer) FAIL(peer.error().message);
  return std::move(*peer);
}

}  // namespace

TEST_CASE("snapshots: shared memory is the same from a snapshot however often it is gone on from") {
  RecordedGuest recorded("memory/shared_counters");
  REQUIRE(recorded.live.run_ticks(60'000));
  auto snapshot = forked(recorded.live.snapshot());
  const auto then = counters_at(recorded.live, 50'000);
  recorded.run_to_end();
  for (int i = 0; i < 3; ++i) {
    CAPTURE(i);
    auto worker = forked(snapshot.worker());
    CHECK(counters_at(worker, 50'000) == then);
    // The same of a snapshot that a worker leaves on its way, and goes on from.
    auto finer = forked(worker.snapshot());
    const auto later = counters_at(worker, 70'000);
    CHECK(later != then);
    auto from_finer = forked(finer.worker()), from_finer_again = forked(finer.worker());
    CHECK(counters_at(from_finer, 70'000) == later);
    CHECK(counters_at(from_finer_again, 70'000) == later);
  }
}

}  // namespace fred
