<?php
// What the examples share: their command lines.

/**
 * The values of the command line, in the order of $defaults, which also are the values of those left out.
 * --help prints the comment at the top of the example; a name with "port" in it is a number from 0 to 65535.
 */
function arguments(array $defaults): array
{
    $given = array_slice($GLOBALS['argv'], 1);
    if (array_intersect(['-h', '--help'], $given)) {
        preg_match('~^<\?php\n((?://.*\n)+)~', file_get_contents($_SERVER['SCRIPT_FILENAME']), $found);
        echo preg_replace('~^// ?~m', '', $found[1]);
        exit(0);
    }
    $values = array_replace(array_values($defaults), $given);
    foreach (array_keys($defaults) as $place => $name) {
        if (str_contains($name, 'port')) {
            $number = filter_var($values[$place], FILTER_VALIDATE_INT, ['options' => ['min_range' => 0, 'max_range' => 65535]]);
            $values[$place] = $number === false ? wrong($defaults) : $number;
        }
    }
    return count($given) > count($defaults) ? wrong($defaults) : $values;
}

/** The end for a command line that makes no sense. */
function wrong(array $defaults): never
{
    fwrite(STDERR, "usage: {$GLOBALS['argv'][0]} [" . implode('] [', array_keys($defaults)) . "]    (--help says more)\n");
    exit(2);
}
