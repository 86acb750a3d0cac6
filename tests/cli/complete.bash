# complete.bash FILE LINE: what bash offers at the end of a line, one a line, with the completions in FILE. What
# readline would leave of the last word stands before each.
# shellcheck shell=bash disable=SC2034,SC2001 # a completion reads these; and a pattern's match is part of the new text

# shellcheck source=/dev/null
. "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:@'
# bash divides a line at these signs, too.
read -r -a COMP_WORDS <<<"$(sed 's/[=:@]/ & /g' <<<"$2")"
[[ $2 != *[\ =:@] ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p "${COMP_WORDS[0]}" | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
[ -n "$function" ] || exit
"$function"
last=${2##* }
for offered in "${COMPREPLY[@]}"; do
    echo "${last%"${last##*[=:@]}"}$offered"
done
