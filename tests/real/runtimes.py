"""Programs for runtimes that have threads of their own: Java, node, Go, Rust. What they print does not depend on the schedule."""

JAVA = r"""
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Main {
  static synchronized void count(long[] sum, long n) { sum[0] += n; }

  public static void main(String[] args) throws Exception {
    AtomicLong atomic = new AtomicLong();
    long[] locked = {0};
    Thread[] threads = new Thread[4];
    for (int i = 0; i < 4; i++) {
      int k = i + 2;
      threads[i] = new Thread(() -> { for (int j = 0; j < 50000; j++) { atomic.addAndGet(j % k); count(locked, j % k); } });
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    System.out.println(atomic + " " + locked[0]);
    ExecutorService pool = Executors.newFixedThreadPool(3);
    List<Future<Integer>> results = new ArrayList<>();
    for (int i = 0; i < 20; i++) { int k = i; results.add(pool.submit(() -> IntStream.rangeClosed(1, 1000 + k).map(x -> x % 7).sum())); }
    int sum = 0;
    for (Future<Integer> result : results) sum += result.get();
    pool.shutdown();
    System.out.println(sum + " " + pool.awaitTermination(60, TimeUnit.SECONDS));
    System.out.println(IntStream.range(0, 100000).parallel().mapToObj(Integer::toString).collect(Collectors.joining()).hashCode());
    for (int i = 0; i < 40; i++) { byte[] garbage = new byte[1 << 20]; sum += garbage.length; }
    System.gc();
    Process child = new ProcessBuilder("echo", "from a child").start();
    System.out.println(sum + " " + new String(child.getInputStream().readAllBytes()).trim() + " " + child.waitFor());
    try { Object[] none = null; System.out.println(none.length); } catch (NullPointerException e) { System.out.println("null"); }
  }
}
"""

NODE = r"""
const fs = require('fs'), zlib = require('zlib'), net = require('net'), { execFile } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (!isMainThread) {
  let sum = 0;
  for (let i = 0; i < workerData * 100000; i++) sum = (sum + i * i) % 1000003;
  parentPort.postMessage(sum);
} else {
  const work = n => new Promise((done, failed) => new Worker(__filename, { workerData: n }).on('message', done).on('error', failed));
  (async () => {
    console.log(await Promise.all([1, 2, 3].map(work)));
    const text = fs.readFileSync('text');
    const packed = await Promise.all([1, 5, 9].map(level => new Promise(done => zlib.gzip(text, { level }, (e, z) => done(z)))));
    console.log(packed.map(z => zlib.gunzipSync(z).equals(text)));
    const server = net.createServer(c => c.pipe(c)).listen(0, '127.0.0.1', async () => {
      const echo = word => new Promise(done => {
        const c = net.connect(server.address().port, '127.0.0.1', () => c.write(word));
        c.on('data', d => { c.end(); done(d.toString()); });
      });
      console.log(await Promise.all(['one', 'two', 'three'].map(echo)));
      server.close();
      execFile('echo', ['from a child'], (e, out) => setTimeout(() => console.log(out.trim()), 5));
    });
  })();
}
"""

GO = r"""
package main

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				fmt.Fprintf(connection, "<%s>\n", lines.Text())
			}
		}()
	}
}

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	sum, values := 0, make(chan int, 10)
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 1000; j++ {
				lock.Lock()
				sum += i * j
				lock.Unlock()
				values <- j
			}
		}(i)
	}
	go func() { group.Wait(); close(values) }()
	total := 0
	for v := range values {
		total += v
	}
	runtime.GC()
	fmt.Println(sum, total)
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go serve(listener)
	for i := 0; i < 5; i++ {
		connection, _ := net.Dial("tcp", listener.Addr().String())
		fmt.Fprintln(connection, "hello", i)
		answer, _ := bufio.NewReader(connection).ReadString('\n')
		fmt.Print(answer)
		connection.Close()
	}
	listener.Close()
	output, err := exec.Command("echo", "from a child").Output()
	fmt.Print(string(output), err, "\n")
	ticker := time.NewTicker(time.Millisecond)
	for i := 0; i < 3; i++ {
		<-ticker.C
	}
	busy := time.Now()
	for n := 0; time.Since(busy) < 30*time.Millisecond; n++ { // others interrupt it by signals
		sum += n
	}
	func() {
		defer func() { fmt.Println(recover() != nil) }()
		var none *int
		fmt.Println(*none)
	}()
}
"""

RUST = r"""
use std::process::Command;
use std::sync::{mpsc, Arc, Barrier, Mutex, RwLock};
use std::thread;

fn main() {
    let (sender, receiver) = mpsc::channel();
    let (sum, table, barrier) = (Arc::new(Mutex::new(0u64)), Arc::new(RwLock::new(vec![0u64; 8])), Arc::new(Barrier::new(4)));
    let threads: Vec<_> = (0..4u64)
        .map(|i| {
            let (sender, sum, table, barrier) = (sender.clone(), sum.clone(), table.clone(), barrier.clone());
            thread::spawn(move || {
                for j in 0..500u64 {
                    *sum.lock().unwrap() += i * j;
                    sender.send(i ^ j).unwrap();
                    if j % 100 == 0 {
                        barrier.wait();
                        table.write().unwrap()[i as usize] += j;
                    }
                }
                table.read().unwrap().len()
            })
        })
        .collect();
    drop(sender);
    let received: u64 = receiver.iter().sum();
    let lengths: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    println!("{} {} {} {:?}", received, sum.lock().unwrap(), lengths, table.read().unwrap());
    println!("{}", thread::spawn(|| { std::panic::set_hook(Box::new(|_| ())); panic!("on purpose") }).join().is_err());
    let output = Command::new("echo").arg("from a child").output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
"""
