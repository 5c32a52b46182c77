// Answers packets from one gdb about one target. It does no input or output of its own.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "gdbmi/rsp/host_files.h"
#include "gdbmi/rsp/library_list.h"
#include "gdbmi/rsp/packets.h"
#include "gdbmi/rsp/stop_reply.h"
#include "gdbmi/rsp/target.h"
#include "gdbmi/rsp/thread_locals.h"

namespace fred::remote {

class Server {
 public:
  /// What a handler answers; nothing: it answers later (the program runs), or never.
  using Reply = std::optional<std::string>;

  /// `send` gets the data of each packet that goes to gdb. `command`: what vRun without a program runs.
  Server(Target& target, std::vector<std::string> command, std::function<void(const std::string&)> send);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void take(const Packet& packet);
  /// In a free run gdb has the program go on again and again, and means the next time as well.
  void interrupt();
  /// gdb has gone; another may come. What runs stops.
  void disconnected();
  bool running() const { return running_; }

  void on_no_acknowledgements(std::function<void()> handler) { no_acknowledgements_ = std::move(handler); }
  /// gdb has killed or detached from the program, and there is none left.
  void on_program_gone(std::function<void()> handler) { program_gone_ = std::move(handler); }

 private:
  struct Dispatch;

  // Handlers; one for each type of packet. server_state.cpp: what the program is like.
  Reply handle(const Unknown&) { return ""; }
  Reply handle(const Malformed&);
  Reply handle(const WhyStopped&);
  Reply handle(const Extend&);
  Reply handle(const ReadRegisters&);
  Reply handle(const WriteRegisters&);
  Reply handle(const ReadRegister&);
  Reply handle(const WriteRegister&);
  Reply handle(const ReadMemory&);
  Reply handle(const ReadMemoryBinary&);
  Reply handle(const WriteMemory&);
  Reply handle(const WriteMemoryBinary&);
  Reply handle(const SearchMemory&);
  Reply handle(const SelectThread&);
  Reply handle(const ThreadAlive&);
  Reply handle(const CurrentThread&);
  Reply handle(const FirstThreads&);
  Reply handle(const MoreThreads&);
  Reply handle(const ThreadName&);
  Reply handle(const Symbol&);
  Reply handle(const ThreadLocal&);
  Reply handle(const Transfer&);
  Reply handle(const Monitor&);
  Reply handle(const Attached&);
  // server_processes.cpp: which processes gdb debugs.
  Reply handle(const Attach&);
  Reply handle(const Detach&);
  Reply handle(const Kill&);
  Reply handle(const KillProcess&);
  // server_going.cpp: the program's life and motion.
  Reply handle(const Restart&);
  Reply handle(const Run&);
  Reply handle(const StepBackwards&);
  Reply handle(const ContinueBackwards&);
  Reply handle(const StepAt&);
  Reply handle(const StepWithSignal&);
  Reply handle(const ContinueAt&);
  Reply handle(const ContinueWithSignal&);
  Reply handle(const WhichActions&);
  Reply handle(const Resume&);
  Reply handle(const InsertPoint&);
  Reply handle(const RemovePoint&);
  // server.cpp: settings.
  Reply handle(const Supported&);
  Reply handle(const NoAcknowledgements&);
  Reply handle(const NonStop&);
  Reply handle(const PassSignals&);
  Reply handle(const ProgramSignals&);
  Reply handle(const CatchSyscalls&);
  Reply handle(const StartWithShell&);
  Reply handle(const DisableRandomization&);
  Reply handle(const SetVariable&);
  Reply handle(const UnsetVariable&);
  Reply handle(const ResetEnvironment&);
  Reply handle(const SetWorkingDirectory&);
  Reply handle(const FileSystem&);
  Reply handle(const FileOpen& p) { return files_.open(p); }
  Reply handle(const FileClose& p) { return files_.close(p); }
  Reply handle(const FileRead& p) { return files_.read(p); }
  Reply handle(const FileStatus& p) { return files_.status(p); }
  Reply handle(const FileReadLink& p) { return files_.read_link(p); }

  /// An error with a text for the user. gdb reads it up to the end of the packet.
  static std::string error_reply(const Error& error) { return "E." + error.message; }
  Reply resume(ResumeRequest request);
  /// gdb names one thread and nobody else: is it to go alone, and how?
  void go_alone(ResumeRequest& request, ThreadId thread, bool steps);
  /// Old packets name the address at which to go on.
  Reply resume_at(ResumeRequest request, std::optional<GuestAddr> at);
  void stopped(const StopEvent& event);
  /// gdb believes that libraries come and go where the dynamic linker says so. A motion that ended elsewhere, at a Time
  /// with libraries that gdb does not know, stops first for them: gdb reads the list and goes on by itself.
  bool has_other_libraries();
  std::optional<StopEvent> other_program(const StopEvent& event, Motion motion);
  std::string told_stop();
  Result<> begin(const std::function<Result<>()>& make);
  Result<> start(std::vector<std::string> args);
  Naming naming() const { return naming(process_); }
  Naming naming(i64 process) const { return {.with_process = multiprocess_, .process = process}; }
  /// Where the program stands; read once for each stop, as are the registers.
  const std::vector<ThreadFact>& threads() { return threads(process_); }
  const std::vector<ThreadFact>& threads(i64 process);
  /// Everything is about this process from now on; 0 and less: about the current one. False: gdb does not debug it.
  bool select(i64 process);
  /// About the one that gdb has chosen.
  void focus();
  bool has_ended(i64 process) const;
  /// gdb debugs it no more.
  void forget_process(i64 process);
  /// The target shows this one now: nothing that was found out about the last one holds.
  void becomes_current(i64 process);
  /// Whose points gdb inserts and removes.
  i64 chosen_process() const { return general_ != 0 ? general_ : process_; }
  /// The one that runs.
  ThreadId current_thread();
  /// Null: there is none.
  const ThreadFact* find_thread(ThreadId id) { return find_thread(process_, id); }
  const ThreadFact* find_thread(i64 process, ThreadId id);
  /// The one that a packet names, or the one that runs.
  ThreadId named_thread(const ThreadSpec& thread);
  bool is_our_thread(const ThreadSpec& thread);
  /// Of the thread that gdb has selected.
  Result<const RegisterState*> registers();
  /// The program stands elsewhere, or is another.
  void forget_state();
  Result<> set_registers(RegisterState state);
  const RegisterTable& table();
  std::string transferred(const Transfer& packet, std::string_view all) const;
  std::string threads_xml();
  /// A line for the user, before the next stop at the latest.
  void notice(const std::string& line);
  void tell_notices();

  Target& target_;
  std::vector<std::string> command_;
  std::function<void(const std::string&)> send_;
  std::function<void()> no_acknowledgements_, program_gone_;
  HostFiles files_;
  StartRequest next_start_;
  bool multiprocess_ = false;
  bool gdb_17_ = false;  // or newer
  /// An interrupt that came while nothing ran, and in which command: gdb looks at a condition, say, and goes on.
  std::optional<u64> interrupted_in_;
  bool running_ = false;
  /// What gdb knows of each process that it debugs.
  struct Inferior {
    ThreadLocals thread_locals;
    LibraryList libraries;                    // as gdb has last read it
    std::string program;                      // which it has been told of
    std::optional<StopEvent> due;             // when it goes on
    std::optional<StopEvent> next_stop = {};  // of its next motion, which does not move
    bool unread_symbols =
        false;               // gdb has listed the libraries of a program it was told of behind a jump, not read them
    bool has_ended = false;  // it is a vfork's child that is no more: what there is to be seen is its parent's
  };
  std::map<i64, Inferior> inferiors_;
  i64 process_ = 0;  // the target's current one
  i64 general_ = 0;  // which gdb has chosen for questions, and for going on in old packets; 0: the current one
  i64 going_process_ = 0;
  std::optional<StopEvent> last_stop_;
  ThreadId selected_ = 0;       // by gdb; 0: the one that runs
  ThreadId selected_next_ = 0;  // once everything is about general_
  ThreadId told_thread_ = 0;    // of the last stop
  ThreadId going_ = 0;          // whose steps the motion counts
  ThreadId steps_ = 0;          // the one that gdb steps back; 0: the one that runs
  std::map<i64, std::vector<ThreadFact>> threads_;
  std::vector<GuestAddr> taken_out_;  // breaks that gdb has removed since the last stop
  std::optional<RegisterState> registers_;
  std::optional<RegisterTable> table_;
  std::vector<std::string> notices_;
};

}  // namespace fred::remote
