#!/bin/bash
# slurm-cluster.sh start FOLDER NODES | stop FOLDER
# A Slurm on 127.0.0.1 without systemd: munged, slurmctld, and a slurmd per node, one task each. All of its files are in FOLDER.
set -euo pipefail
verb=$1 folder=$2
export PATH=$PATH:/usr/sbin SLURM_CONF=$folder/slurm.conf

# In the foreground, so that $! is the daemon itself.
run() { # run NAME COMMAND...
    local name=$1
    shift
    "$@" >"$folder/log/$name.out" 2>&1 </dev/null &
    echo $! >"$folder/run/$name.pid"
}

end() { # end FILE: TERM, and KILL after five seconds
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    rm -f "$1"
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

case $verb in
start)
    nodes=$3
    mkdir -p "$folder"/{log,run,state} $(seq -f "$folder/spool/n%g" "$nodes")
    chmod 755 "$folder" "$folder"/*
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
    # An empty one, since slurmd otherwise looks for the system's.
    : >"$folder/cgroup.conf"
    # cred_expire is also how long a task waits that is requeued. Without the CommunicationParameters slurmctld listens to the
    # network, and config_overrides lets nodes claim processors that are not there.
    cat >"$SLURM_CONF" <<C
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=17001
SlurmUser=root
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.own
SlurmdPidFile=$folder/run/%n.own
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs.txt
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=30
KillWait=5
SchedulerParameters=sched_interval=2,sched_min_interval=100000,bf_interval=2,batch_sched_delay=0
NodeName=n[1-$nodes] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[17011-$((17010 + nodes))] CPUs=1 RealMemory=4000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
C
    run munged munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/run/munge.socket" \
        --pid-file="$folder/run/munged.own" --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed" --num-threads=2
    for _ in $(seq 100); do
        [ -S "$folder/run/munge.socket" ] && break
        sleep 0.05
    done
    run slurmctld slurmctld -D -f "$SLURM_CONF"
    for node in $(seq -f 'n%g' "$nodes"); do run "$node" slurmd -D -N "$node" -f "$SLURM_CONF"; done
    for _ in $(seq 150); do
        [ "$(timeout 2 sinfo -hN -o %t 2>/dev/null | grep -c '^idle$')" -eq "$nodes" ] && exit 0
        sleep 0.1
    done
    echo 'Slurm did not start:' >&2
    tail -n 5 "$folder"/log/* >&2
    exit 1
    ;;
stop)
    timeout 5 scancel -u "$(id -un)" 2>/dev/null || true
    for file in "$folder"/run/n*.pid "$folder"/run/slurmctld.pid "$folder"/run/munged.pid; do end "$file" & done
    wait
    ;;
esac
