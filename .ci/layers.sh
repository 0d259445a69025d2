#!/usr/bin/env bash
# Imports go down the layers only. rustc accepts cycles between modules, so this greps every
# `use crate::` line of engine/src against the table below. Changing the table is a change of the
# architecture: same commit as docs/ARCHITECTURE.md.
set -euo pipefail
cd "$(dirname "$0")/../engine/src"

# module -> modules it may use
declare -A may=(
    [callback]="" [choice]="" [command]="callback" [error]="" [sync]=""
    [sys]="error sync"
    [timer]=""
    [ipc]="error sync sys"
    [net]="error sync sys"
    [memory]="ipc sync sys"
    [log]="error sync sys"
    [memory]="ipc sync sys"
    [protocol]="error"
    [stats]="callback sync ipc"
    [session]="sync ipc net"
    [settings]="error log net protocol sys"
    [process]="sys"
    [tls]="error settings"
    [client]="error net protocol settings sys tls"
    [port]="callback net protocol settings tls"
    [packet]="net port"
    [task]="callback"
    [shared]="callback sync ipc session stats sys"
    [errand]="choice ipc shared sync"
    [handler]="callback choice command context packet session sys task"
    [context]="callback command error event_loop task handler ipc log net packet port session settings shared stats sync sys timer"
    [event_loop]="callback context error handler sys timer"
    [dispatch]="choice error ipc log net port session settings shared stats sync sys"
    [reactor]="choice dispatch error ipc log net packet port protocol session settings shared stats sync sys tls"
    [observer]="callback error ipc log net settings shared stats sync sys"
    [daemon]="error log settings shared sync sys"
    [role]="task choice command context daemon errand error event_loop handler ipc log net observer packet port protocol reactor session settings shared stats sync sys tls"
    [server]="callback choice command context errand error event_loop handler log net port protocol role settings sys tls"
    [capi]="PUBLIC"
    [fuzzing]="protocol tls"
)

bad=0
complain() { echo "layers: $*" >&2; bad=1; }

while IFS= read -r file; do
    module=${file%%/*}
    module=${module%.rs}
    [ "$module" = lib ] && continue
    [ -n "${may[$module]+x}" ] || { complain "$file: module '$module' is not in the table"; continue; }
    allowed=" ${may[$module]} $module "
    while IFS= read -r used; do
        if [ "$module" = capi ]; then
            # The C front sees what every user of the crate sees: names of the root, public modules.
            case $used in capi | error | memory | settings | task | set_process_title) ;; [A-Z]*) ;; *) complain "$file uses crate::$used, which is not public" ;; esac
        elif [[ $used != [A-Z]* && $allowed != *" $used "* ]]; then
            complain "$file uses crate::$used"
        fi
    done < <(grep -ohE 'crate::\{?[A-Za-z_]+' "$file" | sed -E 's/crate::\{?//' | sort -u)
    case $module in
        sys | net | sync) ;;
        *) grep -nE '\b(libc|nix|rustix)::' "$file" && complain "$file names libc, nix or rustix" ;;
    esac
    case $file in
        sync* | sys/* | */tests.rs | */tests/*) ;; # threads of a test are nobody's model
        *) grep -nE 'std::sync::atomic' "$file" | grep -v 'unsafe impl' && complain "$file names std atomics" ;;
    esac
    [ "$module" = capi ] || { grep -n 'no_mangle' "$file" && complain "$file exports a symbol"; }
done < <(find . -name '*.rs' | sed 's|^\./||' | sort)

# Roles do not reach into each other; what two need is in shared::phase, post, reload, roster, exit, child, shift.
grep -rnE '\b(super|role)::(master|worker|task_worker|user_process|manager)\b' role --include='*.rs' --exclude-dir=pool && complain "a role uses another role"
[ "$bad" = 0 ] && echo "layers: ok"
exit "$bad"
