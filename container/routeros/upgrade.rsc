# Puts another version of Linelight's agent on this router. Settings, secrets and firewall stay as they are.
{
:local llFileName "{{FILE}}"
:local llRemote "{{IMAGE}}"
:local llArch "{{ARCH}}"
:local llDisk "{{DISK}}"
:local llGateway "{{GATEWAY}}"
:local llVersion [:tostr [/system/resource/get version]]
:local llFrom20 ($llVersion ~ "^(7[.][2-9][0-9]|[89][.])")
:local llCount do={
  :local llResult 0
  :do {
    :local llCode [:parse (":return [:len [/container/find where comment=\"linelight\" and " . $1 . "]]")]
    :set llResult [$llCode]
  } on-error={}
  :return $llResult
}
:if ([$llCount "comment=\"linelight\""] = 0) do={ :error "linelight: no agent is installed here; use the script without --upgrade" }
:if ($llArch = "auto") do={
  :local llBoard [:tostr [/system/resource/get architecture-name]]
  :if ($llBoard = "arm64") do={ :set llArch "arm64" }
  :if ($llBoard = "arm") do={ :set llArch "armv5" }
  :if ($llBoard ~ "^x86") do={ :set llArch "x86-64" }
}
:local llBase ""
:if ([:len [/file/find where name="flash"]] > 0) do={ :set llBase "flash/" }
:if ([:len $llDisk] > 0) do={ :set llBase "$llDisk/" }
:local llRam ([:len [/disk/find where slot="linelight-ram"]] > 0)
:if ($llRam && [:len $llRemote] > 0) do={ :error "linelight: a container in memory needs the new image as a file" }
:local llFile ""
:local llImage "remote-image=$llRemote"
:if ([:len $llRemote] = 0) do={
  :if ([:len $llFileName] = 0) do={ :set llFileName "linelight-agent-$llArch.tar" }
  :set llFile ($llBase . $llFileName)
  :if ([:len [/file/find where name=$llFile]] = 0 && !$llRam && [:len [/file/find where name=$llFileName]] > 0) do={ :set llFile $llFileName }
  :if ([:len [/file/find where name=$llFile]] = 0) do={ :error "linelight: upload the new image first, as $llFile" }
  :set llImage "file=$llFile"
}
:local llRoot ($llBase . "linelight-root")
:local llBoot "yes"
:if ($llRam) do={
  :set llRoot "linelight-ram/root"
  :set llBoot "no"
}
:local llDns ""
:if ([/ip/dns/get allow-remote-requests]) do={ :set llDns $llGateway }
:local llHeader ":local llImage \"$llImage\"\n:local llFile \"$llFile\"\n:local llRoot \"$llRoot\"\n:local llDns \"$llDns\"\n:local llBoot \"$llBoot\"\n"
:local llStart {{START}}
:if ([:len [/system/script/find where name="linelight-start"]] > 0) do={
  /system/script/set linelight-start source=($llHeader . ":local llAgain $llRam\n" . $llStart)
  :put "linelight: changed the script linelight-start"
}

# From 7.20 the container takes the new image and stays; before, it is removed and added again.
:local llRepulled false
:if ($llFrom20) do={
  :do {
    :local llStop [:parse "/container/stop [/container/find where comment=\"linelight\"]"]
    $llStop
  } on-error={}
  :local llTries 0
  :while (([$llCount "status=\"stopped\""] + [$llCount "stopped"]) = 0 && $llTries < 60) do={
    :delay 1s
    :set llTries ($llTries + 1)
  }
  :do {
    :local llRepull [:parse "/container/repull [/container/find where comment=\"linelight\"] $llImage"]
    $llRepull
    :delay 2s
    :set llRepulled true
    :put "linelight: the container takes the new image"
  } on-error={ :put "linelight: repull was refused; the container is removed and added again" }
}
:local llAgain "true"
:if ($llRepulled) do={ :set llAgain "false" }
:local llGo [:parse ($llHeader . ":local llAgain $llAgain\n" . $llStart)]
$llGo
:put "linelight: done; the version is in the agent's first line in /log/print where topics~\"container\""
}
