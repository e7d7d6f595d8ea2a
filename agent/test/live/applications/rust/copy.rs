//! Copies with std::io::copy, which picks copy_file_range, sendfile, splice or read and write by the kinds of both ends.
//!
//!     copy file-file SOURCE SINK
//!     copy file-tcp SOURCE

use std::fs::File;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn file_to_file(source: &str, sink: &str) -> io::Result<u64> {
    io::copy(&mut File::open(source)?, &mut File::create(sink)?)
}

/// Gives what arrived at the other end of a connection over loopback, read there in plain reads.
fn file_to_tcp(source: &str) -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    let reader = thread::spawn(move || -> io::Result<u64> {
        let mut buffer = [0; 1 << 16];
        let mut total = 0;
        loop {
            match far.read(&mut buffer)? {
                0 => return Ok(total),
                n => total += n as u64,
            }
        }
    });
    io::copy(&mut File::open(source)?, &mut near)?;
    drop(near);
    reader.join().unwrap()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let copied = match arguments[..] {
        ["file-file", source, sink] => file_to_file(source, sink)?,
        ["file-tcp", source] => file_to_tcp(source)?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such mode")),
    };
    println!("{copied}");
    Ok(())
}
