// The processes of a recording: what each has told over its control socket. (The first one's belongs to who has
// started it.)
#pragma once
#include <poll.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/recording_folder.h"
#include "core/control/peer.h"
#include "core/tree/recorded_tree.h"

namespace fred {

struct RecordedProcess {
  ProcessPlace place;  // its pid as its parent sees it, which may be in another namespace
  pid_t pid = 0;       // as it is seen from here; 0: not known yet, and it has not begun
  Peer peer;           // closed once it has gone, or while somebody else has it
  bool begun = false;  // it has a history: it may be killed before, or find that its program cannot be loaded
  bool gone = false;
  /// How it ended; none while it runs, and if it has been killed or has gone on without being recorded.
  struct End {
    bool by_signal = false;
    int status = 0;
    u64 events = 0, ticks = 0;
    std::string program;  // its name then
  };
  std::optional<End> end;
  bool failed = false;  // it ended because fred could not go on; a line has said why
  /// Its name, as the kernel has it; ? if it was killed.
  std::string program() const;
  bool unrecorded = false;  // it has gone on without being recorded
  /// Where it stands, if it does: a child that was held where it begins, or has been stopped since.
  std::optional<Standing> standing;
  bool held = false;     // it was to stand where it begins, and nobody has let it go
  bool taken = false;    // somebody else has its peer
  bool goes_on = false;  // it was told so before it said that it stands
};

class ProcessList {
 public:
  /// `outlive`: if this process is killed, they go on without it, as one that was attached to; else they end. The
  /// folder's cleaner knows of each until it is no recorded process any more.
  ProcessList(RecordingFolder& folder, bool outlive) : folder_(folder), outlive_(outlive) {}
  ProcessList(const ProcessList&) = delete;
  ProcessList& operator=(const ProcessList&) = delete;

  /// A report of any recorded process: takes process_began, with the new one's control socket. False: another one.
  bool take(const Message& m, UniqueFd socket);
  /// A report of this one to whoever has its peer. False: it is not about its life.
  bool take(const Message& m, UniqueFd socket, RecordedProcess& from);

  /// The first process, with which a session lists the others; its peer is taken.
  RecordedProcess& add_first(pid_t pid);
  /// Somebody else talks to it, and passes on what is about its life; until it is given back.
  static Peer hand_over(RecordedProcess& process);
  void give_back(RecordedProcess& process, Peer peer);
  /// One that is held goes on by itself, recorded.
  static void go_on(RecordedProcess& process);
  /// Its peer has been closed by its other end.
  static void has_gone(RecordedProcess& process);

  /// To wait for what they tell, beside other sources; and taking it.
  void add_sources(std::vector<pollfd>& sources) const;
  void drain();
  /// Waits until those that are about to begin have begun, or gone.
  void wait_for_beginnings();
  bool any_running() const;
  bool any_failed() const;
  /// Those that still run go on without being recorded.
  void release();

  /// In the order in which they began.
  const std::vector<std::unique_ptr<RecordedProcess>>& all() const { return all_; }
  RecordedProcess* find(u32 number) const;
  /// The children of a process that have a history.
  std::vector<RecordedProcess*> children_of(u32 number) const;

 private:
  void drain(RecordedProcess& process);
  void listen(RecordedProcess& process);
  void is_seen_as(pid_t pid, RecordedProcess& process);

  RecordingFolder& folder_;
  const bool outlive_;
  std::vector<std::unique_ptr<RecordedProcess>> all_;
};

}  // namespace fred
