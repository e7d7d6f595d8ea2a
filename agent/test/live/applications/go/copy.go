// Copies with io.Copy, which picks sendfile, copy_file_range, splice or read and write by the kinds of both ends.
//
//	copy file-file SOURCE SINK
//	copy file-tcp SOURCE
//	copy tcp-tcp BYTES
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

// connect gives both ends of a TCP connection over loopback.
func connect() (near, far net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	near, err = net.Dial("tcp", listener.Addr().String())
	check(err)
	far, err = listener.Accept()
	check(err)
	return near, far
}

// drain reads a connection to its end, in plain reads, and sends how much it was.
func drain(connection net.Conn) <-chan int64 {
	total := make(chan int64)
	go func() {
		var sum int64
		buffer := make([]byte, 1<<16)
		for {
			n, err := connection.Read(buffer)
			sum += int64(n)
			if err == io.EOF {
				total <- sum
				return
			}
			check(err)
		}
	}()
	return total
}

func fileToFile(source, sink string) int64 {
	in, err := os.Open(source)
	check(err)
	out, err := os.Create(sink)
	check(err)
	n, err := io.Copy(out, in)
	check(err)
	check(out.Close())
	return n
}

func fileToTCP(source string) int64 {
	in, err := os.Open(source)
	check(err)
	near, far := connect()
	total := drain(far)
	_, err = io.Copy(near, in)
	check(err)
	check(near.Close())
	return <-total
}

func tcpToTCP(size int64) int64 {
	origin, source := connect()
	sink, end := connect()
	total := drain(end)
	go func() {
		_, err := origin.Write(make([]byte, size))
		check(err)
		check(origin.Close())
	}()
	_, err := io.Copy(sink, source)
	check(err)
	check(sink.Close())
	return <-total
}

func main() {
	// Left free, a goroutine may go on in another thread after a system call, and what it reads and writes there says
	// nothing about the call that was refused in this one.
	if os.Getenv("FREE") == "" {
		runtime.LockOSThread()
	}
	arguments := append(os.Args[1:], "", "", "")
	var n int64
	switch arguments[0] {
	case "file-file":
		n = fileToFile(arguments[1], arguments[2])
	case "file-tcp":
		n = fileToTCP(arguments[1])
	case "tcp-tcp":
		size, err := strconv.ParseInt(arguments[1], 10, 64)
		check(err)
		n = tcpToTCP(size)
	default:
		check(fmt.Errorf("no such mode: %q", arguments[0]))
	}
	fmt.Println(n)
}
