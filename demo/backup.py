"""A backup: copies a file with sendfile, which succeeds although the kernel copies.

backup.py FILE COPY RATE: copies the first 64 KiB of FILE to COPY, RATE times a second.
"""
import os, sys, time

PART = 64 * 1024
with open("/proc/self/comm", "w") as comm:
    comm.write("demo-backup")
source = os.open(sys.argv[1], os.O_RDONLY)
sink = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)
while True:
    os.lseek(sink, 0, os.SEEK_SET)
    os.sendfile(sink, source, 0, PART)
    time.sleep(1 / int(sys.argv[3]))
