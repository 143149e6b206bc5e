# The exit code that tells a scheduler what to do about an error: 1 to try again, 2 never to.
function Get-ExitCode([Management.Automation.ErrorRecord] $ErrorRecord) {
    # Arguments and files that are wrong stay wrong. Disks, networks and other processes may recover.
    $ErrorRecord.CategoryInfo.Category -in 'InvalidArgument', 'InvalidData', 'InvalidOperation', 'InvalidType', 'ResourceExists' ? 2 : 1
}
