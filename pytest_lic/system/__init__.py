"""The machine under a run: processes, files, git, environment.

audit           what this process opens, writes, sets and connects to
child_main      the program of a child process, a script of the standard library alone
child_process   the parent's side: ask, wait, kill
circumstances   what a second process has otherwise than the first
commit_tree     a commit's files in a folder
environment     what a number depends on besides the codec and the image
files           writing a file wholly or not at all
garbage         its collection, put off
git             commits, and the repository around a folder
import_warnings  what importing a library warns of
groups          values in groups of one key
latest          a slot for one costly thing
pickles         telling a pickle from a safetensors file
places          where in the user's code an error was raised
pointer_files   what stands for a file that was not fetched
process_memory  what Linux says of this process's memory
program         running a program to its end, and killing what it left
simulated_environments  other threads, instructions, memory formats and devices
text_files      texts that stay in their files
ticker          progress, said now and then
typed_json      JSON files read, and their values as checked dataclasses and back
process_end     its end: with the right status, and without waiting for threads
watchdog        a bound to what a codec's own code may do to this process
words           numbers and lists in words
"""
