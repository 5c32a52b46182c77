// What a session has of each process that it debugs.
#pragma once
#include "cli/attach/leave.h"
#include "reverse/session/session.h"
#include "reverse/session/tip_changes.h"

namespace fred {

/// A change made in the past: a function that gdb calls, or an assignment.
struct PastChange {
  Registers before;
  bool memory = false;  // memory has been written
  bool called = false;  // a function has been run from here
};

/// A change made where live stands, and what was there before it.
struct TipStep {
  Time before;
  Registers registers;
  std::vector<u8> vector_state;
  GuestAddr at;  // of memory
  std::vector<u8> memory;
};

Message run_to_message(const Time& t);

struct Session::Program {
  Program(Recording& recording, RecordedProcess& recorded);
  ~Program() {
    end_worker();
    end_probe();
    // Such a one ends by itself, so that its parent learns how.
    if (live && attached && (!killed || end)) leave(std::move(live->peer()), folder);
    if (live) children.end(std::move(live->peer()));
    if (live) ProcessList::has_gone(process);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Peer& shown() { return worker ? *worker : live->peer(); }
  void end_worker() {
    if (worker) children.end(std::move(*worker));
    worker.reset();
  }
  void end_probe() {
    if (probe) children.end(std::move(probe->peer));
    probe.reset();
  }

  Children& children;
  RecordedProcess& process;
  const RecordingFolder& folder;
  const bool attached;  // the recording is of a program that was attached to
  SnapshotSet snapshots;
  std::unique_ptr<Live> live;  // null: it has gone
  bool open = false;           // it is shown, or stands at a position of its own; else it runs by itself, or has ended
  bool killed = false, detached = false;
  std::vector<std::string> args;
  Time tip, position;
  /// Shows the position in the past; without live also at the tip.
  std::optional<Peer> worker;
  struct Probe {
    Time time;
    Peer peer;
  };
  std::optional<Probe> probe;
  std::optional<ProgramEnd> end;
  std::optional<PastChange> change;
  TipChanges tip_changes;
  std::vector<TipStep> tip_steps;  // since live has run, in that order
  Forward::Alone alone;            // as live was told
  /// The points just before `trail_end`, ascending: what the next steps back need.
  std::vector<TracePoint> trail;
  Time trail_end;
};

}  // namespace fred
