// System V shared memory, semaphores and message queues.
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "common.h"

int main(void) {
  const int id = MUST(shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600));
  u8* p = shmat(id, NULL, 0);
  CHECK(p != (void*)-1);
  const u8* q = shmat(id, NULL, SHM_RDONLY);
  CHECK(q != (void*)-1 && q != p);
  p[5000] = 42;
  CHECK_EQ(q[5000], 42);
  struct shmid_ds info;
  MUST(shmctl(id, IPC_STAT, &info));
  CHECK_EQ(info.shm_segsz, 10000);
  CHECK_EQ(info.shm_nattch, 2);
  CHECK_EQ(info.shm_cpid, getpid());
  u8* place = map_pages(3, PROT_NONE);
  MUST(munmap(place, 3 * 4096));
  CHECK(shmat(id, place, 0) == place);
  CHECK_EQ(place[5000], 42);
  MUST(shmdt(place));
  CHECK_ERR(shmdt(place), EINVAL);
  MUST(shmdt(q));
  MUST(shmctl(id, IPC_RMID, NULL));
  p[1] = 1;
  MUST(shmdt(p));
  CHECK_ERR(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
  CHECK(shmat(id, NULL, 0) == (void*)-1);

  const int sem = MUST(semget(IPC_PRIVATE, 3, IPC_CREAT | 0600));
  union {
    int val;
    struct semid_ds* buf;
    unsigned short* array;
  } arg = {.array = (unsigned short[]){1, 2, 3}};
  MUST(semctl(sem, 0, SETALL, arg));
  struct sembuf ops[] = {{0, -1, 0}, {2, 5, 0}};
  MUST(semop(sem, ops, 2));
  unsigned short values[3] = {9, 9, 9};
  arg.array = values;
  MUST(semctl(sem, 0, GETALL, arg));
  CHECK(values[0] == 0 && values[1] == 2 && values[2] == 8);
  struct sembuf blocked = {0, -1, IPC_NOWAIT};
  CHECK_ERR(semop(sem, &blocked, 1), EAGAIN);
  blocked.sem_flg = 0;
  const struct timespec moment = {0, 2000000};
  CHECK_ERR(semtimedop(sem, &blocked, 1, &moment), EAGAIN);
  CHECK_EQ(semctl(sem, 1, GETVAL), 2);
  struct semid_ds sem_info;
  arg.buf = &sem_info;
  MUST(semctl(sem, 0, IPC_STAT, arg));
  CHECK_EQ(sem_info.sem_nsems, 3);
  MUST(semctl(sem, 0, IPC_RMID));

  const int queue = MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
  struct {
    long type;
    char text[32];
  } m = {7, "seven"}, r;
  MUST(msgsnd(queue, &m, 6, 0));
  m.type = 3, strcpy(m.text, "three");
  MUST(msgsnd(queue, &m, 6, 0));
  CHECK_EQ(msgrcv(queue, &r, sizeof r.text, 3, 0), 6);
  CHECK(strcmp(r.text, "three") == 0);
  CHECK_ERR(msgrcv(queue, &r, 2, 0, 0), E2BIG);
  CHECK_EQ(msgrcv(queue, &r, 2, 0, MSG_NOERROR), 2);
  CHECK_EQ(r.type, 7);
  CHECK_ERR(msgrcv(queue, &r, 20, 0, IPC_NOWAIT), ENOMSG);
  struct msqid_ds q_info;
  MUST(msgctl(queue, IPC_STAT, &q_info));
  CHECK_EQ(q_info.msg_qnum, 0);
  MUST(msgctl(queue, IPC_RMID, NULL));
  return done();
}
