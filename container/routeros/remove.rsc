# Takes Linelight's agent off this router again: what install made, and nothing else. A second paste changes nothing.
{
:local llIp "{{CONTAINER}}"
:local llChanged 0

# Removes what $2 finds in the menu $1; $3 is its name in words. A menu that this version does not know holds nothing.
:local llDrop do={
  :local llDropped 0
  :do {
    :local llFind [:parse (":return [:len [" . $1 . "/find where " . $2 . "]]")]
    :if ([$llFind] > 0) do={
      :local llRemove [:parse ($1 . "/remove [" . $1 . "/find where " . $2 . "]")]
      $llRemove
      :put ("linelight: removed " . $3)
      :set llDropped 1
    }
  } on-error={}
  :return $llDropped
}
:local llCount do={
  :local llResult 0
  :do {
    :local llCode [:parse (":return [:len [" . $1 . "/find where " . $2 . "]]")]
    :set llResult [$llCode]
  } on-error={}
  :return $llResult
}

:set llChanged ($llChanged + [$llDrop "/system/scheduler" "name=\"linelight-start\" and comment=\"linelight\"" "the schedule linelight-start"])
:set llChanged ($llChanged + [$llDrop "/system/script" "name=\"linelight-start\" and comment=\"linelight\"" "the script linelight-start"])
:local llTries 0
:if ([$llCount "/container" "comment=\"linelight\""] > 0) do={
  :local llStop [:parse "/container/stop [/container/find where comment=\"linelight\"]"]
  :local llRemove [:parse "/container/remove [/container/find where comment=\"linelight\"]"]
  :while ([$llCount "/container" "comment=\"linelight\""] > 0 && $llTries < 60) do={
    :do { $llStop } on-error={}
    :delay 1s
    :do { $llRemove } on-error={}
    :set llTries ($llTries + 1)
  }
  :if ($llTries = 60) do={ :error "linelight: the container does not stop; wait a minute and paste again" }
  :put "linelight: removed the container"
  :set llChanged ($llChanged + 1)
}
:set llChanged ($llChanged + [$llDrop "/container/mounts" "comment=\"linelight\"" "the mount of the secrets"])
:set llChanged ($llChanged + [$llDrop "/container/envs" "comment=\"linelight\"" "the variables"])
:set llChanged ($llChanged + [$llDrop "/disk" "slot=\"linelight-ram\" and type=\"tmpfs\"" "the disk in memory"])
:set llChanged ($llChanged + [$llDrop "/file" "name~\"(^|/)linelight-secrets/\"" "the secrets"])
:set llChanged ($llChanged + [$llDrop "/file" "name~\"(^|/)linelight-secrets\\\$\"" "their folder"])
:set llChanged ($llChanged + [$llDrop "/ip/firewall/filter" "comment=\"linelight\"" "the firewall rules"])
:set llChanged ($llChanged + [$llDrop "/ip/firewall/nat" "comment=\"linelight\"" "the masquerade rule"])
:set llChanged ($llChanged + [$llDrop "/ip/firewall/address-list" "list=\"linelight-relay\" and dynamic=no" "the address list linelight-relay"])
:set llChanged ($llChanged + [$llDrop "/ip/address" "interface=\"linelight\" and comment=\"linelight\"" "the address"])
:set llChanged ($llChanged + [$llDrop "/interface/veth" "name=\"linelight\" and comment=\"linelight\"" "the interface"])

# The service api as it was: the comment of the user linelight remembers it.
:local llWas ""
:if ([:len [/user/find where name="linelight" and comment~"^linelight api="]] > 0) do={
  :set llWas [:tostr [/user/get [/user/find where name="linelight"] comment]]
}
:if ($llWas ~ "^linelight api=(listed|disabled)") do={
  :local llLeft ""
  :local llFound false
  :foreach llItem in=[:toarray [/ip/service/get api address]] do={
    :if ([:tostr $llItem] = "$llIp/32" || [:tostr $llItem] = $llIp) do={
      :set llFound true
    } else={
      :if ([:len $llLeft] > 0) do={ :set llLeft ($llLeft . ",") }
      :set llLeft ($llLeft . [:tostr $llItem])
    }
  }
  :if ($llFound) do={
    :if ([:len $llLeft] > 0) do={
      /ip/service/set api address=$llLeft
      :put "linelight: took $llIp/32 from the addresses of the service api ($llLeft stay)"
    } else={
      # An empty list would open the service to everybody.
      :if ($llWas ~ "^linelight api=disabled:") do={ :set llLeft [:pick $llWas 23 [:len $llWas]] }
      /ip/service/set api disabled=yes address=$llLeft
      :put "linelight: disabled the service api, which nobody else used"
    }
    :set llChanged ($llChanged + 1)
  }
}
:set llChanged ($llChanged + [$llDrop "/user" "name=\"linelight\" and comment~\"^linelight api=\"" "the user linelight"])
:if ([:len [/user/find where group="linelight"]] = 0) do={
  :set llChanged ($llChanged + [$llDrop "/user/group" "name=\"linelight\"" "the user group linelight"])
}
:if ($llChanged = 0) do={ :put "linelight: nothing to remove" }
:put "linelight: done; the image, if you uploaded one, is still among the files"
}
