# Linelight's agent {{AGENT}} as a container on this router, RouterOS 7.4 and later. One paste, from the first brace to the last.
# It adds and never replaces, prints what it changes, and changes nothing when it is pasted again.
# It holds the agent's token and a password: do not keep it.
{
:local llGateway "{{GATEWAY}}"
:local llDisk "{{DISK}}"
:local llArch "{{ARCH}}"
:local llFileName "{{FILE}}"
:local llRemote "{{IMAGE}}"
:local llChanged 0
:local llVersion [:tostr [/system/resource/get version]]
:local llFrom7 ($llVersion ~ "^(7[.]([7-9]|[1-9][0-9])|[89][.])")
:local llFrom6 ($llVersion ~ "^(7[.]([6-9]|[1-9][0-9])|[89][.])")
:local llFrom20 ($llVersion ~ "^(7[.][2-9][0-9]|[89][.])")
:local llFrom21 ($llVersion ~ "^(7[.](2[1-9]|[3-9][0-9])|[89][.])")
:local llFrom23 ($llVersion ~ "^(7[.](2[3-9]|[3-9][0-9])|[89][.])")

# Runs text of which this version may not know every word: 1 when it ran, 0 when it did not.
:local llTry do={
  :local llRan 0
  :do {
    :local llCode [:parse $1]
    $llCode
    :set llRan 1
  } on-error={}
  :return $llRan
}
# The value of an expression, or nothing where this version does not know it.
:local llAsk do={
  :local llValue ""
  :do {
    :local llCode [:parse (":return " . $1)]
    :set llValue [:tostr [$llCode]]
  } on-error={}
  :return $llValue
}
# Adds to the menu $1 what $3 describes, unless something is there that $2 finds; $4 is its name in words.
:local llEnsure do={
  :local llAdded 0
  :local llFind [:parse (":return [:len [" . $1 . "/find where " . $2 . "]]")]
  :if ([$llFind] = 0) do={
    :local llAdd [:parse ($1 . "/add " . $3)]
    $llAdd
    :put ("linelight: added " . $4)
    :set llAdded 1
  }
  :return $llAdded
}
# Writes the file $1 with the contents $2: 1 written, 0 the same as before, -1 not possible (yet).
:local llWrite do={
  :local llWritten -1
  :do {
    :if ([:len [/file/find where name=$1]] = 0) do={
      :do {
        :local llCode [:parse ("/file/add name=\"" . $1 . "\" contents=\"" . $2 . "\"")]
        $llCode
      } on-error={
        # Before 7.9 a file comes from print, which adds .txt to its name.
        /file/print file=[:pick $1 0 ([:len $1] - 4)]
        :delay 2s
        /file/set [/file/find where name=$1] contents=$2
      }
      :if ([:len [/file/find where name=$1]] > 0) do={ :set llWritten 1 }
    } else={
      :if ([/file/get [/file/find where name=$1] contents] = $2) do={
        :set llWritten 0
      } else={
        /file/set [/file/find where name=$1] contents=$2
        :set llWritten 1
      }
    }
  } on-error={}
  :return $llWritten
}

# 1. What must be there. Nothing is changed before this part is through.
:if (!($llVersion ~ "^(7[.]([4-9]|[1-9][0-9])|[89][.])")) do={
  :error "linelight: RouterOS 7.4 or later runs containers, this is $llVersion; put the agent on a box beside the router"
}
:local llBoard [:tostr [/system/resource/get architecture-name]]
:if ($llArch = "auto") do={
  :if ($llBoard = "arm64") do={ :set llArch "arm64" }
  :if ($llBoard = "arm") do={ :set llArch "armv5" }
  :if ($llBoard ~ "^x86") do={ :set llArch "x86-64" }
}
:if (!(($llArch = "arm64" && $llBoard = "arm64") || ($llArch ~ "^armv" && $llBoard = "arm") || ($llArch = "x86-64" && $llBoard ~ "^x86"))) do={
  :error "linelight: this router is $llBoard and the agent asked for is $llArch; containers need arm, arm64 or x86"
}
:if ([:len [/system/package/find where name="container" and disabled=no]] = 0) do={
  :error "linelight: the package container is not installed; see What is needed in container/install.md"
}
:if ([$llAsk "[/system/device-mode/get container]"] ~ "^(no|false)\$") do={
  :error "linelight: containers are switched off; run /system/device-mode/update container=yes and press the button within 5 minutes"
}
:if ([:len [/interface/find where name="linelight"]] > 0 && [:len [/interface/find where name="linelight" and comment="linelight"]] = 0) do={
  :error "linelight: an interface linelight is there that this script did not make"
}
:if ([:len [/user/find where name="linelight"]] > 0 && [:len [/user/find where name="linelight" and comment~"^linelight api="]] = 0) do={
  :error "linelight: a user linelight is there that this script did not make"
}
:if ([:len [/user/find where group="linelight" and name!="linelight"]] > 0) do={
  :error "linelight: a group linelight is there that other users are in"
}
:if ([:len [/ip/address/find where network="{{NETWORK}}" and comment!="linelight"]] > 0) do={
  :error "linelight: {{SUBNET}} is in use here; make the script with another --subnet"
}
:local llThere ([$llAsk "[:len [/container/find where comment=\"linelight\"]]"] != "0")
:local llBase ""
:if ([:len [/file/find where name="flash"]] > 0) do={ :set llBase "flash/" }
:if ([:len $llDisk] > 0) do={
  :if ([:len [/file/find where name=$llDisk]] = 0) do={ :error "linelight: there is no disk $llDisk; see /disk/print" }
  :set llBase "$llDisk/"
}
:local llRam "{{RAM}}"
:if ($llRam = "auto") do={
  :set llRam "no"
  :if ([:len $llDisk] = 0 && !$llThere && ([/system/resource/get free-hdd-space] < {{RAM_BELOW}})) do={ :set llRam "yes" }
  :if ([:len [/disk/find where slot="linelight-ram"]] > 0) do={ :set llRam "yes" }
}
:if ($llRam = "yes" && !$llFrom7) do={
  :error "linelight: a disk in memory needs RouterOS 7.7 or later; this is $llVersion"
}
:if ($llRam = "yes" && [:len $llRemote] > 0) do={
  :error "linelight: in memory the container is unpacked at each start of the router, from a file; upload the image, or name a disk with --disk"
}
:local llFile ""
:local llImage "remote-image=$llRemote"
:if ([:len $llRemote] = 0) do={
  :if ([:len $llFileName] = 0) do={ :set llFileName "linelight-agent-$llArch.tar" }
  :set llFile ($llBase . $llFileName)
  :if ([:len [/file/find where name=$llFile]] = 0 && $llRam = "no" && [:len [/file/find where name=$llFileName]] > 0) do={
    :set llFile $llFileName
  }
  :if (!$llThere && [:len [/file/find where name=$llFile]] = 0) do={
    :error "linelight: upload the image first, as $llFile"
  }
  :set llImage "file=$llFile"
}
# The router itself answers the container's questions where it answers any; else its own servers do.
:local llDns ""
:local llAskRouter [/ip/dns/get allow-remote-requests]
:if ($llAskRouter) do={ :set llDns $llGateway }
:if (!$llAskRouter && ([:len [:tostr [/ip/dns/get servers]]] + [:len [:tostr [/ip/dns/get dynamic-servers]]]) = 0) do={
  :error "linelight: this router has no DNS server, and a container does not start without; set one with /ip/dns/set servers=ADDRESS"
}
:local llPort [:tostr [/ip/service/get api port]]

# 2. The container's own network: two addresses, and nobody else in it.
:set llChanged ($llChanged + [$llEnsure "/interface/veth" "name=\"linelight\"" "name=linelight address={{CONTAINER}}/30 gateway={{GATEWAY}} comment=linelight" "the interface linelight, {{CONTAINER}}"])
:set llChanged ($llChanged + [$llEnsure "/ip/address" "interface=\"linelight\" and comment=\"linelight\"" "address={{GATEWAY}}/30 interface=linelight comment=linelight" "the address {{GATEWAY}} on it"])

# 3. The firewall: one jump in front of each chain, for this interface only; behind it what the container may reach.
:local llRules do={
  :local llMissing 0
  :local llAll [:len [/ip/firewall/filter/find where chain=$1 and comment="linelight"]]
  :if ($llAll != [:len $2]) do={ :set llMissing 1 }
  :foreach llWhere in=$2 do={
    :local llFind [:parse (":return [:len [/ip/firewall/filter/find where chain=\"" . $1 . "\" and comment=\"linelight\" and " . $llWhere . "]]")]
    :if ([$llFind] = 0) do={ :set llMissing 1 }
  }
  :if ($llMissing = 1) do={
    /ip/firewall/filter/remove [/ip/firewall/filter/find where chain=$1 and comment="linelight"]
    :foreach llRule in=$3 do={
      :local llAdd [:parse ("/ip/firewall/filter/add chain=" . $1 . " comment=linelight " . $llRule)]
      $llAdd
    }
    :put ("linelight: wrote the firewall chain " . $1)
  }
  :return $llMissing
}
:local llWheres { "dst-port=\"$llPort\""; "action=\"drop\"" }
:local llAdds { "action=accept protocol=tcp dst-port=$llPort"; "action=drop" }
:if ($llAskRouter) do={
  :set llWheres { "dst-port=\"$llPort\""; "protocol=\"udp\" and dst-port=\"53\""; "protocol=\"tcp\" and dst-port=\"53\""; "action=\"drop\"" }
  :set llAdds { "action=accept protocol=tcp dst-port=$llPort"; "action=accept protocol=udp dst-port=53"; "action=accept protocol=tcp dst-port=53"; "action=drop" }
}
:set llChanged ($llChanged + [$llRules "linelight-input" $llWheres $llAdds])
:set llWheres { "dst-address-list=\"linelight-relay\" and dst-port=\"{{PORTS}}\""; {{RESPONSE_WHERE}}"action=\"drop\"" }
:set llAdds { "action=accept protocol=tcp dst-port={{PORTS}} dst-address-list=linelight-relay"; {{RESPONSE_ADD}}"action=drop" }
:if (!$llAskRouter) do={
  :set llWheres { "dst-address-list=\"linelight-relay\" and dst-port=\"{{PORTS}}\""; "protocol=\"udp\" and dst-port=\"53\""; "protocol=\"tcp\" and dst-port=\"53\""; {{RESPONSE_WHERE}}"action=\"drop\"" }
  :set llAdds { "action=accept protocol=tcp dst-port={{PORTS}} dst-address-list=linelight-relay"; "action=accept protocol=udp dst-port=53"; "action=accept protocol=tcp dst-port=53"; {{RESPONSE_ADD}}"action=drop" }
}
:set llChanged ($llChanged + [$llRules "linelight-forward" $llWheres $llAdds])
:foreach llHost in=[:toarray "{{RELAYS}}"] do={
  :set llChanged ($llChanged + [$llEnsure "/ip/firewall/address-list" "list=\"linelight-relay\" and address=\"$llHost\" and dynamic=no" "list=linelight-relay address=$llHost comment=linelight" "the relay $llHost to the address list linelight-relay"])
}
:foreach llOld in=[/ip/firewall/address-list/find where list="linelight-relay" and dynamic=no{{NOT_RELAYS}}] do={
  /ip/firewall/address-list/remove $llOld
  :put "linelight: took a former relay from the address list linelight-relay"
  :set llChanged ($llChanged + 1)
}
:local llTop do={
  :local llPlace ""
  :local llFind [:parse (":return [" . $1 . "/find where chain=\"" . $2 . "\" and dynamic=no]")]
  :local llFound [$llFind]
  :if ([:len $llFound] > 0) do={ :set llPlace (" place-before=" . [:tostr ($llFound->0)]) }
  :return $llPlace
}
:local llPlace [$llTop "/ip/firewall/filter" "input"]
:set llChanged ($llChanged + [$llEnsure "/ip/firewall/filter" "chain=\"input\" and jump-target=\"linelight-input\"" "chain=input in-interface=linelight action=jump jump-target=linelight-input comment=linelight$llPlace" "the jump to linelight-input in front of the input chain: from the container to the API (port $llPort) and no further"])
:set llPlace [$llTop "/ip/firewall/filter" "forward"]
:set llChanged ($llChanged + [$llEnsure "/ip/firewall/filter" "chain=\"forward\" and out-interface=\"linelight\" and comment=\"linelight\"" "chain=forward out-interface=linelight connection-state=established,related action=accept comment=linelight$llPlace" "the way back to the container for what it asked for"])
:set llPlace [$llTop "/ip/firewall/filter" "forward"]
:set llChanged ($llChanged + [$llEnsure "/ip/firewall/filter" "chain=\"forward\" and jump-target=\"linelight-forward\"" "chain=forward in-interface=linelight action=jump jump-target=linelight-forward comment=linelight$llPlace" "the jump to linelight-forward in front of the forward chain: from the container to the relay and DNS and no further"])
:set llPlace [$llTop "/ip/firewall/nat" "srcnat"]
:set llChanged ($llChanged + [$llEnsure "/ip/firewall/nat" "chain=\"srcnat\" and comment=\"linelight\"" "chain=srcnat src-address={{CONTAINER}} action=masquerade comment=linelight$llPlace" "masquerade for {{CONTAINER}} alone"])
:if ([:len [/ip/firewall/raw/find where action="drop" and disabled=no]] > 0) do={
  :put "linelight: note: there are raw rules that drop; if the agent times out, accept in-interface=linelight in front of them"
}

# 4. The API user: a group of its own that reads, one address, a password that is nowhere else.
:local llSecrets ($llBase . "linelight-secrets")
:if ([:len [/user/group/find where name="linelight"]] = 0) do={
  /user/group/add name=linelight policy=read,api
  :put "linelight: added the user group linelight (read, api)"
  :set llChanged ($llChanged + 1)
}
:if ([:len [/user/find where name="linelight"]] = 0) do={
  /user/add name=linelight group=linelight password="{{PASSWORD}}" address={{CONTAINER}}/32 comment="linelight api=kept"
  :put "linelight: added the user linelight, from {{CONTAINER}} only"
  :set llChanged ($llChanged + 1)
}

# 5. The service api: its addresses are added to. What it was stands in the comment of the user linelight, for the removal.
:local llAllowed ""
:foreach llItem in=[:toarray [/ip/service/get api address]] do={
  :if ([:len $llAllowed] > 0) do={ :set llAllowed ($llAllowed . ",") }
  :set llAllowed ($llAllowed . [:tostr $llItem])
}
:local llListed ([:typeof [:find ",$llAllowed," ",{{CONTAINER}}/32,"]] = "num" || [:typeof [:find ",$llAllowed," ",{{CONTAINER}},"]] = "num")
:if ([/ip/service/get api disabled]) do={
  /user/set [/user/find where name="linelight"] comment="linelight api=disabled:$llAllowed"
  /ip/service/set api address={{CONTAINER}}/32 disabled=no
  :put "linelight: enabled the service api, for {{CONTAINER}} only"
  :set llChanged ($llChanged + 1)
} else={
  :if ([:len $llAllowed] = 0) do={
    :put "linelight: note: the service api is open to every address; it stays as it is"
  } else={
    :if (!$llListed) do={
      /user/set [/user/find where name="linelight"] comment="linelight api=listed"
      /ip/service/set api address="$llAllowed,{{CONTAINER}}/32"
      :put "linelight: added {{CONTAINER}}/32 to the addresses of the service api ($llAllowed)"
      :set llChanged ($llChanged + 1)
    }
  }
}

# 6. The secrets as files, which no export shows; the container sees them under /secrets.
:if ([:len [/file/find where name=$llSecrets]] = 0) do={
  :if ([$llTry "/file/add name=\"$llSecrets\" type=directory"] = 1) do={ :put "linelight: made the folder $llSecrets" }
}
:local llNames { {{SECRET_NAMES}} }
:local llTexts { {{SECRET_TEXTS}} }
:local llPending 0
:for llAt from=0 to=([:len $llNames] - 1) do={
  :local llDone [$llWrite ($llSecrets . "/" . ($llNames->$llAt)) ($llTexts->$llAt)]
  :if ($llDone = -1) do={ :set llPending 1 }
  :if ($llDone = 1) do={
    :if (($llNames->$llAt) = "password.txt") do={ /user/set [/user/find where name="linelight"] password="{{PASSWORD}}" }
    :put ("linelight: wrote " . $llSecrets . "/" . ($llNames->$llAt))
    :set llChanged ($llChanged + 1)
  }
}
:local llColumn "name"
:if ($llFrom20) do={ :set llColumn "list" }
:local llKeys { {{ENV_KEYS}} }
:local llValues { {{ENV_VALUES}} }
:for llAt from=0 to=([:len $llKeys] - 1) do={
  :local llKey ($llKeys->$llAt)
  :local llValue ($llValues->$llAt)
  :local llOther [:parse (":return [:len [/container/envs/find where " . $llColumn . "=\"linelight\" and key=\"" . $llKey . "\" and value!=\"" . $llValue . "\"]]")]
  :if ([$llOther] > 0) do={
    :local llDrop [:parse ("/container/envs/remove [/container/envs/find where " . $llColumn . "=\"linelight\" and key=\"" . $llKey . "\"]")]
    $llDrop
  }
  :set llChanged ($llChanged + [$llEnsure "/container/envs" "$llColumn=\"linelight\" and key=\"$llKey\"" "$llColumn=linelight key=$llKey value=\"$llValue\" comment=linelight" "the variable $llKey"])
}
:set llColumn "name"
:if ($llFrom21) do={ :set llColumn "list" }
:local llMode ""
:if ($llFrom20) do={ :set llMode " read-only=yes" }
:if ($llFrom23) do={ :set llMode " mode=ro" }
:set llChanged ($llChanged + [$llEnsure "/container/mounts" "$llColumn=\"linelight\"" "$llColumn=linelight src=$llSecrets dst=/secrets comment=linelight$llMode" "the mount of $llSecrets at /secrets"])

# 7. The container; what adds it is kept as a script where something has to run it at each start of the router.
:local llRoot ($llBase . "linelight-root")
:if ($llRam = "yes") do={
  :set llRoot "linelight-ram/root"
  :set llChanged ($llChanged + [$llEnsure "/disk" "slot=\"linelight-ram\"" "type=tmpfs tmpfs-max-size={{RAM_SIZE}} slot=linelight-ram" "a disk in memory, linelight-ram, {{RAM_SIZE}} at most"])
  :if ([$llAsk "[/disk/get [/disk/find where slot=\"linelight-ram\"] comment]"] != "linelight") do={
    $llTry "/disk/set [/disk/find where slot=\"linelight-ram\"] comment=linelight"
  }
}
:local llBoot "yes"
:if ($llRam = "yes") do={ :set llBoot "no" }
:local llHeader ":local llImage \"$llImage\"\n:local llFile \"$llFile\"\n:local llRoot \"$llRoot\"\n:local llDns \"$llDns\"\n:local llBoot \"$llBoot\"\n"
:local llStart {{START}}
:if ($llRam = "yes" || !$llFrom6) do={
  :local llSource ($llHeader . ":local llAgain " . ($llRam = "yes") . "\n" . $llStart)
  :if ([:len [/system/script/find where name="linelight-start"]] = 0) do={
    /system/script/add name=linelight-start comment=linelight source=$llSource
    :put "linelight: added the script linelight-start"
    :set llChanged ($llChanged + 1)
  } else={
    :if ([/system/script/get linelight-start source] != $llSource) do={
      /system/script/set linelight-start source=$llSource
      :put "linelight: changed the script linelight-start"
      :set llChanged ($llChanged + 1)
    }
  }
  :set llChanged ($llChanged + [$llEnsure "/system/scheduler" "name=\"linelight-start\"" "name=linelight-start start-time=startup on-event=\"/system/script/run linelight-start\" comment=linelight" "the schedule linelight-start, at each start of the router"])
  :if ([$llAsk "[/system/device-mode/get scheduler]"] ~ "^(no|false)\$") do={
    :put "linelight: note: schedules are switched off, so the agent will be gone after a reboot: /system/device-mode/update scheduler=yes and the button"
  }
}
:if (!$llThere) do={ :set llChanged ($llChanged + 1) }
:local llGo [:parse ($llHeader . ":local llAgain false\n" . $llStart)]
$llGo

# Where the folder could not be made above, the container's first start has made it.
:local llTries 0
:while ($llPending = 1 && $llTries < 30) do={
  :set llPending 0
  :for llAt from=0 to=([:len $llNames] - 1) do={
    :local llDone [$llWrite ($llSecrets . "/" . ($llNames->$llAt)) ($llTexts->$llAt)]
    :if ($llDone = -1) do={ :set llPending 1 }
    :if ($llDone = 1) do={ :put ("linelight: wrote " . $llSecrets . "/" . ($llNames->$llAt)) }
  }
  :delay 1s
  :set llTries ($llTries + 1)
}
:if ($llPending = 1) do={
  :error "linelight: the secrets could not be written; make the folder $llSecrets (an empty upload does) and paste again"
}
:if ($llChanged = 0) do={ :put "linelight: nothing to change" }
:put "linelight: done; the agent says how it is doing in /log/print where topics~\"container\""
}
