# The scripts of samples/many-machines with a real Slurm and a real sshd, on loopback.
BeforeDiscovery {
    $programs = { param($names) $IsLinux -and (id -u) -eq 0 -and -not ($names | Where-Object { -not (Get-Command $_, "/usr/sbin/$_" -ErrorAction Ignore) }) }
    $hasSlurm = (& $programs slurmctld, slurmd, sbatch, munged) -and (Test-Path /sys/fs/cgroup/*)
    $hasSsh = & $programs sshd, ssh, ssh-keygen
    if (-not $hasSlurm) { Write-Warning 'The tests with Slurm are skipped: they need root on Linux, slurmctld, slurmd, slurm-client and munge, and /sys/fs/cgroup.' }
    if (-not $hasSsh) { Write-Warning 'The tests with SSH are skipped: they need root on Linux, openssh-server and openssh-client.' }
}

BeforeAll {
    Push-Location (New-TestFolder)
    $scripts = Join-Path $Samples.Root samples many-machines
    $manifest = (Get-Module GgufQuant -ListAvailable)[0].Path
    # Eight shards, which take long enough to be interrupted.
    $split = @{ Path = $Samples.Model; Type = 'IQ3_S'; SplitMaxSize = 400KB; Destination = Join-Path $PWD made }
    $whole = ConvertTo-Quantized $Samples.Model IQ3_S -SplitMaxSize 400KB -Destination whole -Hash
    $shards = (Get-QuantPlan @split).Shards

    # The tests' PowerShell under its usual name, with the packaged module.
    $null = New-Item bin, made -ItemType Directory
    $program = [Environment]::ProcessPath, ((Split-Path ([Environment]::ProcessPath) -LeafBase) -eq 'dotnet' ? (Join-Path $PSHOME pwsh.dll) : @()) | ForEach-Object { "'$_'" }
    Set-Content bin/pwsh '#!/bin/sh', "export PSModulePath='$env:PSModulePath'", "exec $program `"`$@`""
    $path = $env:PATH
    if ($IsLinux) { chmod +x bin/pwsh }
    $env:PATH = "$(Join-Path $PWD bin):/usr/sbin:$path"

    function Get-MadeHash { (Get-FileHash $shards.Path).Hash -join ' ' }
}

AfterAll {
    $env:PATH = $path
    Pop-Location
}

Describe 'docs/many-machines.md' {
    It 'has the table that its script prints' {
        $lines = & (Join-Path $scripts scaling.ps1)
        (Get-Content (Join-Path $Samples.Root docs many-machines.md) -Raw) -replace '\r' | Should -Match ([regex]::Escape($lines -join "`n"))
    }
}

Describe 'The task of an array' -Skip:(-not $IsLinux) {
    It 'says by its exit code whether another try may succeed' {
        $run = { param([string[]] $arguments) Start-PowerShell -ArgumentList (@('-File', (Join-Path $scripts convert-shard.ps1), $Samples.Model) + $arguments) -Environment @{ SLURM_ARRAY_TASK_ID = '2' } | Wait-PowerShell }
        $done = & $run IQ3_S, task, -SplitMaxSize, 400KB
        $done.ExitCode | Should -Be 0
        $done.Output | Should -Match '-00002-of-00008\.gguf'
        (& $run IQ3_S, task, -SplitMaxSize, 400KB, -Shard, 99).ExitCode | Should -Be 2
        (& $run Q9, task).ExitCode | Should -Be 2
        Set-Content file ''
        (& $run Q4_K_M, file/task, -SplitMaxSize, 400KB).ExitCode | Should -Be 1
    }

    It 'that is killed leaves a file that the next one on the machine removes' {
        $arguments = '-File', (Join-Path $scripts convert-shard.ps1), $Samples.Model, 'IQ3_S', 'killed', '-SplitMaxSize', '400KB'
        $task = Start-PowerShell -ArgumentList $arguments -Environment @{ JOB_COMPLETION_INDEX = '2' }
        Wait-Until { Get-ChildItem killed/*.partial -ErrorAction Ignore } -TimeoutSeconds 60
        /bin/kill -s KILL $task.Id
        $null = $task | Wait-PowerShell
        Get-ChildItem killed/*-00003-of-*.partial | Should -HaveCount 1
        (Start-PowerShell -ArgumentList $arguments -Environment @{ JOB_COMPLETION_INDEX = '2' } | Wait-PowerShell).ExitCode | Should -Be 0
        Get-ChildItem killed -Name | Should -BeLike '*-00003-of-00008.gguf'
    }
}

Describe 'The Kubernetes job' {
    BeforeAll {
        $job = Get-Content (Join-Path $scripts kubernetes-job.yaml) -Raw
        function Get-Field([string] $Name) { [regex]::Matches($job, "(?m)^[ -]*${Name}: *(.*?)\r?$").ForEach{ $_.Groups[1].Value } }
        $command = [regex]::Match($job, '(?m)^ *command:\r?\n((?: *- \S+\r?\n)+)').Groups[1].Value -split '\s+- |\s+' -ne ''
    }

    It 'has what the server demands of a job with an index per shard' {
        Get-Field completionMode | Should -Be Indexed
        Get-Field completions | Should -Be ([int] ($command -match '-of-(\d+)\.gguf$' -replace '^.*-of-(\d+)\.gguf$', '$1')[0])
        [int] (Get-Field parallelism) | Should -BeLessOrEqual ([int] (Get-Field completions))
        [int] (Get-Field maxFailedIndexes) | Should -BeLessOrEqual ([int] (Get-Field completions))
        [int] (Get-Field backoffLimitPerIndex) | Should -BeGreaterThan 0 -Because 'FailIndex needs it'
        # With a podFailurePolicy, no other value is allowed.
        Get-Field restartPolicy | Should -Be Never
        Get-Field podReplacementPolicy | Should -Be Failed
        Get-Field action | Should -Be Ignore, FailIndex
        Get-Field type | Should -Be DisruptionTarget
        Get-Field operator | Should -Be In
        Get-Field values | Should -Be '[2]'
        Get-Field containerName | Should -BeIn (Get-Field name)
    }

    It 'has a command that makes the shard of its index' -Skip:(-not $IsLinux) {
        $parts = Split-Gguf $Samples.Model share -MaxSize 4MB
        $arguments = @($command).ForEach{
            $_ -replace '^/many-machines', $scripts -replace '^/share/.*\.gguf$', $parts[0].FullName -replace '^/share', "$PWD/share"
        }
        $arguments[0] | Should -Be pwsh
        foreach ($index in 1, 99) {
            $run = Start-PowerShell -ArgumentList $arguments[1..99] -Environment @{ JOB_COMPLETION_INDEX = "$index" } | Wait-PowerShell
            $run.ExitCode | Should -Be ($index -eq 1 ? 0 : 2) -Because $run.Error
        }
        Get-ChildItem share/quantized -Name | Should -BeLike '*-Q4_K_M-00002-of-*.gguf'
    }
}

Describe 'A Slurm array' -Skip:(-not $hasSlurm) {
    BeforeAll {
        $cluster = Join-Path $PSScriptRoot slurm-cluster.sh
        $folder = (New-Item slurm -ItemType Directory).FullName
        bash $cluster start $folder 3 2>&1 | Out-Host
        $LASTEXITCODE | Should -Be 0
        $env:SLURM_CONF = Join-Path $folder slurm.conf
        $submit = Join-Path $scripts Submit-SlurmShards.ps1
        $output = "--output=$PWD/task-%a.log"

        function Wait-SlurmJob([string] $Id) { Wait-Until { -not (timeout 5 squeue -h -j $Id -o %t) } -TimeoutSeconds 180 }
    }

    AfterAll {
        bash $cluster stop $folder
        Remove-Item env:SLURM_CONF
    }

    It 'leaves a cancelled shard missing, and makes up for a lost node' {
        $id = & $submit @split -SbatchOption $output
        Wait-Until { Get-ChildItem made/*-00003-of-*.partial } -TimeoutSeconds 60
        # The task waits, in case scancel takes longer than its shard. Slurm lets it go on to be terminated.
        $process = [int] "0x$((Get-ChildItem made/*-00003-of-*.partial).Name.Split('.')[-2].Substring(16, 8))"
        /bin/kill -s STOP $process
        scancel "$($id)_3"
        Wait-Until { timeout 5 squeue -h -j $id -t R -o %N } -TimeoutSeconds 20
        # The task that started last runs longest.
        $node = timeout 5 squeue -h -j $id -t R --sort=-S -o %N | Select-Object -First 1
        scontrol update NodeName=$node State=DOWN Reason=test
        Wait-SlurmJob $id
        (Test-Gguf made/*.gguf -HeaderOnly -Detailed).Findings.Subject | Should -Be $shards[2].Path
        Get-ChildItem made -Name | Should -Be ($shards.Path | Where-Object { $_ -ne $shards[2].Path } | Split-Path -Leaf)
        $ends = Get-Content slurm/log/jobs.txt
        @($ends -match 'JobState=NODE_FAIL') | Should -HaveCount 1
        @($ends -match 'JobState=CANCELLED') | Should -HaveCount 1
        @($ends -match 'JobState=COMPLETED') | Should -HaveCount 7
    }

    It 'is completed by the same array, which touches no finished file' {
        $before = Get-ChildItem made
        $id = & $submit @split -SbatchOption $output -All
        Wait-SlurmJob $id
        (Get-Item $before.FullName).LastWriteTimeUtc | Should -Be $before.LastWriteTimeUtc
        Get-ChildItem made -Name | Should -Be ($shards.Path | Split-Path -Leaf)
        Get-MadeHash | Should -Be $whole.Hash
        Test-Gguf $shards[0].Path | Should -BeTrue
        & $submit @split -SbatchOption $output | Should -BeNullOrEmpty
    }

    It 'measures after the job that makes the logits' {
        $files = ConvertTo-Quantized $Samples.Model Q4_0, Q8_0 -Destination .
        Set-Content text.txt ((Get-Content $Samples.HeldOut -Raw).Substring(0, 4000))
        $ids = & (Join-Path $scripts Submit-SlurmQuality.ps1) $Samples.Model text.txt rows $files.Path -SbatchOption $output
        $ids | Should -HaveCount 2
        $ids | ForEach-Object { Wait-SlurmJob $_ }
        $rows = Get-ChildItem rows/row-*.xml | Import-Clixml
        $rows.Type | Should -Be F16, Q4_0, Q8_0 -Because (Get-Content task-*.log | Out-String)
        $rows | Export-QuantReport report.html | Should -Not -BeNullOrEmpty
    }
}

Describe 'Remoting over SSH' -Skip:(-not $hasSsh) {
    BeforeAll {
        $null = New-Item ssh -ItemType Directory
        $ssh = Join-Path $PWD ssh
        chmod 700 $ssh
        foreach ($key in 'host', 'user') { ssh-keygen -q -t ed25519 -N '' -f (Join-Path $ssh $key) }
        $null = New-Item /run/sshd -ItemType Directory -Force
        $hosts = '127.0.0.2', '127.0.0.3', '127.0.0.4'
        $daemons = foreach ($address in $hosts) {
            Set-Content "$ssh/$address" @"
ListenAddress $address
Port 17022
HostKey $ssh/host
AuthorizedKeysFile $ssh/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem powershell $PWD/bin/$address -sshs -NoLogo -NoProfile
"@
            # The last one computes without vectors, so that its shards take long enough to be interrupted.
            $vectors = $address -eq $hosts[-1] ? 0 : 1
            Set-Content "bin/$address" '#!/bin/sh', "echo `$`$ >'$ssh/$address.pid'", "export DOTNET_EnableHWIntrinsic=$vectors", "exec '$PWD/bin/pwsh' `"`$@`""
            chmod +x "bin/$address"
            Start-Process /usr/sbin/sshd -ArgumentList '-D', '-e', '-f', "$ssh/$address" -PassThru -RedirectStandardError "$ssh/$address.log"
        }
        $call = @{
            Module     = $manifest
            Connection = @{
                Port = 17022; UserName = 'root'; KeyFilePath = "$ssh/user"; ConnectingTimeout = 30000
                Options = @{ UserKnownHostsFile = "$ssh/known"; StrictHostKeyChecking = 'no'; IdentitiesOnly = 'yes'; LogLevel = 'ERROR' }
            }
        }
        Wait-Until { $hosts.Where{ (Test-Connection $_ -TcpPort 17022 -TimeoutSeconds 1) }.Count -eq 3 }
        Get-ChildItem made | Remove-Item
    }

    AfterAll {
        $daemons | Stop-Process
    }

    It 'names the machine that does not answer, and the others make what is missing' {
        $null = ConvertTo-Quantized @split -Shard 5
        $before = Get-Item $shards[4].Path
        $rows = & (Join-Path $scripts Invoke-SshShards.ps1) ($hosts + '127.0.0.5') @split @call -ErrorVariable failure -ErrorAction SilentlyContinue
        $failure | Where-Object { "$_" -match '127\.0\.0\.5' } | Should -Not -BeNullOrEmpty
        $rows.PSComputerName | Sort-Object | Should -Be $hosts
        $rows.Paths | Sort-Object | Should -Be ($shards.Path | Where-Object { $_ -ne $before.FullName })
        (Get-Item $before.FullName).LastWriteTimeUtc | Should -Be $before.LastWriteTimeUtc
        Get-MadeHash | Should -Be $whole.Hash
    }

    It 'is named by -SSHConnection in one way that works' {
        $connection = @{ HostName = 'root@127.0.0.2:17022' } + $call.Connection
        'Port', 'UserName', 'ConnectingTimeout' | ForEach-Object { $connection.Remove($_) }
        "$(New-PSSession -SSHConnection $connection -ErrorAction Continue 2>&1)" | Should -Match 'time out: 0 seconds'
        $session = New-PSSession -SSHConnection ($connection + @{ ConnectingTimeout = 30000 })
        $session.State | Should -Be Opened
        $session | Remove-PSSession
    }

    It 'loses a port that -SSHConnection enumerates before the host' {
        # The order depends on the capacity.
        $connection = foreach ($capacity in 1..500) {
            $table = [hashtable]::new($capacity)
            ($call.Connection + @{ HostName = '127.0.0.2' }).GetEnumerator() | ForEach-Object { $table[$_.Key] = $_.Value }
            $names = @($table.Keys)
            if ($names.IndexOf('Port') -lt $names.IndexOf('HostName')) { $table; break }
        }
        $connection | Should -Not -BeNullOrEmpty
        New-PSSession -SSHConnection $connection -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }

    It 'makes the rest on the second call, when one machine is dead and another has failed during the first' {
        Get-ChildItem made | Remove-Item
        $all = @('127.0.0.5') + $hosts
        $job = Start-ThreadJob -ArgumentList (Join-Path $scripts Invoke-SshShards.ps1), $all, $split, $call -ScriptBlock {
            param($script, $hosts, $split, $call)
            & $script $hosts @split @call
        }
        Wait-Until { Get-ChildItem made/*-00003-of-*.partial } -TimeoutSeconds 60
        /bin/kill -s TERM (Get-Content ssh/127.0.0.4.pid)
        $null = $job | Receive-Job -Wait -AutoRemoveJob -ErrorVariable failure -ErrorAction SilentlyContinue
        foreach ($address in '127.0.0.4', '127.0.0.5') { "$failure" | Should -Match ([regex]::Escape($address)) }
        Get-ChildItem made -Name | Should -Be ($shards[0, 1, 3, 4, 6, 7].Path | Split-Path -Leaf)
        $rows = & (Join-Path $scripts Invoke-SshShards.ps1) $all @split @call -ErrorVariable failure -ErrorAction SilentlyContinue
        "$failure" | Should -Match '127\.0\.0\.5'
        $rows.Paths | Sort-Object | Should -Be $shards[2, 5].Path
        Get-MadeHash | Should -Be $whole.Hash
        Test-Gguf $shards[0].Path | Should -BeTrue
        & (Join-Path $scripts Invoke-SshShards.ps1) $all @split @call -ErrorAction Stop | Should -BeNullOrEmpty
    }
}
