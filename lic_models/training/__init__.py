"""Training a codec with Lightning.

module                  one step, one validation, and what is logged of them
loss                    rate and distortion
lambda_scheduling       λ of each width, moved until none is wasted
pace                    how long a run is, and the learning rate of each step
first_weights           what training begins with
principal_components    a linear codec to begin with
defaults                what neither a config nor the command line says
run_folder              the folder of a run, and the checkpoint that it goes on from
callbacks               checkpoints, and a clean stop on Ctrl-C
progress                the bar, and the lines around a run
freed_memory            what a step frees, kept for the next
running_means           means since the last row of the log
metrics_file            the log
thumbnails              a thumbnail synthesis, for a codec that stays as it is
calibration             a trained hyper-synthesis in whole numbers
adaptation              a trained codec for another domain or another loss
generative              LPIPS and a discriminator beside the distortion
saved_config            the config that a run leaves behind
"""
