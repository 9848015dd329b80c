# Adds the container linelight and starts it. What the lines before this one set: llImage (file= or remote-image=), llFile
# (to wait for, or nothing), llRoot, llDns, llBoot (yes or no) and llAgain (whether a container that is there gives way).
:local llVersion [:tostr [/system/resource/get version]]
:local llFrom6 ($llVersion ~ "^(7[.]([6-9]|[1-9][0-9])|[89][.])")
:local llFrom20 ($llVersion ~ "^(7[.][2-9][0-9]|[89][.])")
:local llFrom21 ($llVersion ~ "^(7[.](2[1-9]|[3-9][0-9])|[89][.])")
:local llFrom23 ($llVersion ~ "^(7[.](2[3-9]|[3-9][0-9])|[89][.])")
:local llFrom24 ($llVersion ~ "^(7[.](2[4-9]|[3-9][0-9])|[89][.])")
# Older versions have a status, newer ones flags; what a version does not know counts as no.
:local llCount do={
  :local llResult 0
  :do {
    :local llCode [:parse (":return [:len [/container/find where comment=\"linelight\" and " . $1 . "]]")]
    :set llResult [$llCode]
  } on-error={}
  :return $llResult
}
:if ($llAgain) do={
  :local llTries 0
  :while ([:len [/container/find where comment="linelight"]] > 0 && $llTries < 60) do={
    :do { /container/stop [/container/find where comment="linelight"] } on-error={}
    :delay 1s
    :do { /container/remove [/container/find where comment="linelight"] } on-error={}
    :set llTries ($llTries + 1)
  }
}
:if ([:len [/container/find where comment="linelight"]] = 0) do={
  :local llTries 0
  :while ([:len $llFile] > 0 && [:len [/file/find where name=$llFile]] = 0 && $llTries < 60) do={
    :delay 1s
    :set llTries ($llTries + 1)
  }
  :local llAdd "/container/add $llImage interface=linelight root-dir=$llRoot hostname=linelight logging=yes comment=linelight"
  :if ($llFrom6) do={ :set llAdd "$llAdd start-on-boot=$llBoot" }
  :if ([:len $llDns] > 0) do={ :set llAdd "$llAdd dns=$llDns" }
  :if ($llFrom20) do={ :set llAdd "$llAdd envlists=linelight" } else={ :set llAdd "$llAdd envlist=linelight" }
  :if ($llFrom21) do={ :set llAdd "$llAdd mountlists=linelight" } else={ :set llAdd "$llAdd mounts=linelight" }
  :if ($llFrom23) do={
    :set llAdd "$llAdd restart-policy=always restart-interval=10s"
  } else={
    :if ($llFrom20) do={ :set llAdd "$llAdd auto-restart-interval=10s" }
  }
  :if ($llFrom24) do={ :set llAdd "$llAdd ignore-remote-image-change=yes" }
  :local llCode [:parse $llAdd]
  $llCode
  :put "linelight: added the container"
}
:if (([$llCount "status=\"running\""] + [$llCount "running"]) = 0) do={
  :local llTries 0
  :while (([$llCount "status=\"stopped\""] + [$llCount "stopped"]) = 0 && $llTries < 300) do={
    :delay 1s
    :set llTries ($llTries + 1)
  }
  :if ($llTries < 300) do={
    /container/start [/container/find where comment="linelight"]
    :put "linelight: started the container"
  } else={
    :error "linelight: the image is not extracted after 5 minutes; look at /log/print where topics~\"container\""
  }
}
