<?php
// Gives tasks to jobs.php from outside, through its message queue, also while it is not running.
//
//     php -d extension=php-ext/modules/skep.so examples/php/feed.php [key] [job]
//
// It waits while the queue is full. PHP's own msg_send() does the same: type 1, not serialized, Task::pack() of the job.

require __DIR__ . '/arguments.php';
[$key, $job] = arguments(['key' => 0x5ca1ab1e, 'job' => 'hello']);

$feed = new Skep\Process(fn () => null); // never started: it is only there for its queue
$feed->useQueue((int)$key, 2);
$feed->push(Skep\Server\Task::pack(['job' => $job, 'by' => getmypid()])) || exit("the queue does not take it\n");
